//! The words of a comparison of policies: a record holds their codes and values.

use crate::verdict::{Message, messages};

messages! {
    PART_PROTECTS = "policy-change.protects": "protects";
    PART_KEY = "policy-change.key": "`{key}`";
    PART_FILES = "policy-change.files": "files of the policy";
    PART_CLASS = "policy-change.class": "class `{name}`";
    PART_RULE = "policy-change.rule": "rule `{id}`";
    PART_RULE_OF_CLASSES = "policy-change.rule-of-classes": "rule `{id}` ({classes})";
    PART_FIELD = "policy-change.field": "field `{name}`";
    PART_TEAM = "policy-change.team": "team `{name}`";
    PART_ROSTER = "policy-change.roster": "roster";
    PART_EXEMPTION = "policy-change.exemption": "exemption from `{rule}`";
    NO_LONGER = "policy-change.no-longer": "no longer `{name}`";
    ALSO = "policy-change.also": "also `{name}`";
    IS_NEW = "policy-change.is-new": "is new";
    IS_GONE = "policy-change.is-gone": "is gone";
    IS_ANOTHER = "policy-change.is-another": "is another one";
    CATALOGUE_IS_ANOTHER = "policy-change.catalogue": "the catalogue is another one";
    OTHER_FILES = "policy-change.other-files": "others are files of the gate by themselves";
    KEY_IS_ANOTHER = "policy-change.key-is-another": "`{key}` is another one";
    TAKES_FEWER = "policy-change.takes-fewer": "takes fewer changes";
    TAKES_MORE = "policy-change.takes-more": "takes more changes";
    TAKES_OTHERS = "policy-change.takes-others": "takes other changes";
    FIRST_CLASS = "policy-change.first-class": "the first class that holds is another one";
    ACCEPTS_LESS = "policy-change.accepts-less": "accepts less";
    ACCEPTS_LESS_AND_SORTS = "policy-change.accepts-less-and-sorts": "accepts less, and sorts changes";
    ACCEPTS_MORE = "policy-change.accepts-more": "accepts more";
    ACCEPTS_OTHERS = "policy-change.accepts-others": "accepts something else";
    HAS_MORE = "policy-change.has-more": "has {members} as well";
    HAS_LESS = "policy-change.has-less": "has {members} no more";
    IS_OPEN = "policy-change.is-open": "has no member any more, so that a policy which extends this one can fill it (has {members} no more)";
    PART_BASE = "policy-change.base": "shared policy `{name}`";
    BASE_UNPINNED = "policy-change.base-unpinned": "follows `{after}` and no longer stays at {before}, so that it can ask less without a change here";
    BASE_FOLLOWS_OTHER = "policy-change.base-follows-other": "follows `{after}` and no longer `{before}`, so that it can ask less without a change here";
    BASE_OTHER_COMMIT = "policy-change.base-other-commit": "is read at {after} and no longer at {before}";
    BASE_PINNED = "policy-change.base-pinned": "stays at {after} and no longer follows `{before}`";
    BASE_GONE = "policy-change.base-gone": "is no longer extended, so that what it asks can be weakened here";
    BASE_NEW = "policy-change.base-new": "is extended, and follows `{after}`, so that it can ask less without a change here";
    MAY_BE_WEAKER = "policy-change.may-be-weaker": "a policy that extends this one may weaken it";
    MAY_NOT_BE_WEAKER = "policy-change.may-not-be-weaker": "a policy that extends this one may no longer weaken it";
    WITH_DETAILS = "policy-change.with-details": "{what} ({details+; })";
    MORE_CHANGES = "policy-change.more-changes": "{count} more";
    KEY_HAS_MORE = "policy-change.key-has-more": "`{key}` has {members} as well";
    KEY_HAS_LESS = "policy-change.key-has-less": "`{key}` has {members} no more";
    KEY_OTHER_ORDER = "policy-change.key-other-order": "`{key}` is in another order";
    KEY_VALUE = "policy-change.key-value": "`{key}`: {before} \u{2192} {after}";
    VALUES = "policy-change.values": "{before} \u{2192} {after}";
    ENTRY_IS_NEW = "policy-change.entry-is-new": "`{id}` is new";
    ENTRY_IS_GONE = "policy-change.entry-is-gone": "`{id}` is gone";
    PART_KEY_FILE = "policy-change.key-file": "keys in `{path}`";
    KEYS_OF_MORE = "policy-change.keys-of-more": "another key counts, of {members}";
    KEYS_OF_LESS = "policy-change.keys-of-less": "a key counts no more, of {members}";
    OTHER_KEYS = "policy-change.other-keys": "the file is another one, in which other keys may count";
    OF_ANOTHER_PERSON = "policy-change.of-another-person": "{members} of another person";
    OTHER_WORDS = "policy-change.other-words": "of the same addresses and accounts";
    OTHER_CALENDAR_DAYS = "policy-change.other-calendar-days": "the days of a calendar are others";
    OTHER_OWNERS = "policy-change.other-owners": "others own some paths";
    PART_OWNERS = "policy-change.owners": "code owners in `{path}`";
    PART_CALENDAR = "policy-change.calendar": "calendar `{path}`";
    OWNERS_OF = "policy-change.owners-of": "`{pattern}`: {before} \u{2192} {after}";
    OWNER_STANDS_FOR = "policy-change.owner-stands-for": "`{owner}` stands for {after} and no longer for {before}";
    NO_PERSON = "policy-change.no-person": "no person";
    OWNERS_ORDER = "policy-change.owners-order": "the lines are in another order";
    OWNERS_UNREADABLE = "policy-change.owners-unreadable": "cannot be read";
    ALTERNATIVE_GONE = "policy-change.alternative-gone": "no longer an alternative: {question}";
    ALTERNATIVE_NEW = "policy-change.alternative-new": "a new alternative: {question}";
    WITH_ALLOWANCES = "policy-change.with-allowances": "{question} ({allowances+; })";
    NEW_UNTIL = "policy-change.new-until": "is new, until {until}";
    OTHER_UNTIL = "policy-change.other-until": "until {before} \u{2192} {after}";
    OTHER_VALUE = "policy-change.other-value": "{key}: {before} \u{2192} {after}";
    KEY_LEVEL = "policy-change.level": "level";
    KEY_UNTIL = "policy-change.until": "warns until";
    KEY_FOR = "policy-change.for": "for";
    KEY_NOT_FOR = "policy-change.not-for": "not for";
    KEY_WHEN = "policy-change.when": "applies if";
    KEY_REQUIRE = "policy-change.require": "requires";
    DENY = "policy-change.deny": "deny";
    ALL_CLASSES = "policy-change.all-classes": "all classes";
    NOT_ASKED_AGAIN = "policy-change.not-asked-again": "the rule is no longer asked again of what comes from another branch";
    NOTHING = "policy-change.nothing": "nothing";
    ALWAYS = "policy-change.always": "always";
    STRICTER = "policy-change.stricter": "stricter";
    DIFFERENT = "policy-change.different": "different";
    LOOSER = "policy-change.looser": "looser";
}

/// Returns what a comparison calls the value of this key of a policy.
pub(crate) fn key_part(key: &str) -> Message {
    PART_KEY.with("key", key)
}
