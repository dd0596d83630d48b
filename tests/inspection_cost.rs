//! Whoever pushes a policy makes the server inspect it, so whatever is pushed is inspected at a bounded cost.
//!
//! Each case is a policy of up to 256 KiB that is as heavy as its kind can be. What is asserted is how many steps the
//! inspection took, which is the same on every machine, and that it did not stop at the first error. Where the system
//! tells it, the time of the processor is limited as well, generously: other programs may run beside the test.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use changegate::gate::{LoadedPolicy, UnusablePolicy, check_policy, load_from_files};
use changegate::policy::{MAX_INSPECTION_STEPS, PolicyInspection};
use jiff::Timestamp;

const NAME: &str = "policies/changegate.yml";

/// How large a pushed policy may be.
const MAX_POLICY_BYTES: usize = 256 * 1024;

/// What the processor may take for one step of a test that is built without optimisation.
const MAX_TIME: Duration = Duration::from_secs(20);

/// The start of every case.
const HEAD: &str = "changegate: 1\nprotects: [main]\n";

/// A generator of numbers that are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Returns the time that the processor has spent on this thread, where the system tells it.
fn read_processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Runs a step, and returns its result with the time of the processor.
fn measure<T>(step: impl FnOnce() -> T) -> (T, Duration) {
    let start = read_processor_time();
    let result = step();
    let taken = read_processor_time().zip(start).map(|(end, start)| end - start);
    (result, taken.unwrap_or_default())
}

fn try_load(files: &BTreeMap<&str, String>) -> Result<LoadedPolicy, UnusablePolicy> {
    load_from_files(NAME, "a test".into(), &mut |name| {
        Ok(files.get(name).map(|text| text.as_bytes().to_vec()))
    })
}

fn load(files: &BTreeMap<&str, String>) -> LoadedPolicy {
    try_load(files).unwrap_or_else(|why| match why {
        UnusablePolicy::Absent => panic!("absent"),
        UnusablePolicy::Faulty(errors) => {
            let faults = errors.faulty_files.iter().flat_map(|file| &file.faults);
            panic!("{:#?}", faults.take(3).collect::<Vec<_>>())
        }
    })
}

/// Loads, inspects and compares a policy with its roster, and holds what that costs against the limits. Returns what was
/// found.
fn check_cost(case: &str, text: String, roster: Option<String>) -> Result<PolicyInspection, usize> {
    assert!(text.len() <= MAX_POLICY_BYTES, "{case}: {} bytes", text.len());
    let size = text.len();
    let mut files = BTreeMap::from([(NAME, text)]);
    files.extend(roster.map(|roster| ("policies/people.yml", roster)));
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let (loaded, loading) = measure(|| load(&files));
    let (inspection, inspecting) = measure(|| check_policy(&loaded, &[], now));
    // Another branch, and every rule asks for more.
    let other = files[NAME].replacen("protects: [main", "protects: [next, main", 1);
    let stricter = other.replace("require: { ", "require: { draft: false, ");
    files.insert(NAME, other);
    let mut other = load(&files);
    files.insert(NAME, stricter);
    if let Ok(stricter) = try_load(&files) {
        other = stricter;
    }
    let (differences, comparing) = measure(|| loaded.find_differences(&other).unwrap());
    assert!(!differences.is_empty(), "{case}");
    let steps = inspection.as_ref().map_or(0, |inspection| inspection.steps);
    let told = match &inspection {
        Ok(inspection) => format!("{} notes", inspection.notes.len()),
        Err(errors) => {
            let faults: usize = errors.faulty_files.iter().map(|file| file.faults.len()).sum();
            format!("{faults} errors")
        }
    };
    println!(
        "{case}: {size} bytes, load {loading:?}, inspect {inspecting:?} ({steps} steps, {told}), compare {comparing:?} ({} differences)",
        differences.len()
    );
    assert!(steps <= MAX_INSPECTION_STEPS, "{case}: {steps}");
    for taken in [loading, inspecting, comparing] {
        assert!(taken < MAX_TIME, "{case}: {taken:?}");
    }
    inspection.map_err(|errors| errors.faulty_files.len())
}

/// Writes so many rules, each with what `ask` returns for its number.
fn write_rules(count: usize, mut ask: impl FnMut(usize) -> String) -> String {
    let mut rules = String::from("rules:\n");
    for number in 0..count {
        let _ = writeln!(rules, "  r{number}: {{ {} }}", ask(number));
    }
    rules
}

/// Cuts rules off at the largest size of a policy.
fn fit(mut text: String) -> String {
    if text.len() > MAX_POLICY_BYTES {
        let end = text[..MAX_POLICY_BYTES].rfind('\n').unwrap();
        text.truncate(end + 1);
    }
    text
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(", ")
}

fn write_fields(count: usize, words: usize) -> String {
    let words = list(words, |word| format!("w{word}"));
    let mut fields = String::from("fields:\n");
    for field in 0..count {
        let _ = writeln!(fields, "  F{field}: {{ one-of: [{words}] }}");
    }
    fields
}

#[test]
fn chains_over_two_hundred_fields() {
    let mut numbers = Numbers(1);
    let mut chain = |word: &str| {
        let parts: Vec<String> = (0..12)
            .map(|_| format!("{{ field: {{ F{}: w{} }} }}", numbers.below(200), numbers.below(8)))
            .collect();
        format!("{{ {word}: [{}] }}", parts.join(", "))
    };
    let rules = write_rules(150, |number| {
        let (when, require) = if number % 2 == 0 { ("any", "all") } else { ("all", "any") };
        format!("when: {}, require: {{ not: {} }}", chain(when), chain(require))
    });
    let _ = check_cost("chains", fit(format!("{HEAD}{}{rules}", write_fields(200, 8))), None);
}

#[test]
fn two_hundred_fields_in_each_rule() {
    let parts =
        |start: usize| list(200, |field| format!("{{ field: {{ F{field}: w{} }} }}", (field + start) % 8));
    let rules = write_rules(14, |number| {
        format!(
            "when: {{ any: [{}] }}, require: {{ not: {{ all: [{}] }} }}",
            parts(number),
            parts(number + 3)
        )
    });
    let _ = check_cost("wide rules", fit(format!("{HEAD}{}{rules}", write_fields(200, 8))), None);
}

/// Writes clauses of three as rules over fields of two words.
fn write_clauses(variables: usize, clauses: usize, seed: u64) -> String {
    let mut numbers = Numbers(seed);
    let rules = write_rules(clauses, |_| {
        let mut literal =
            || format!("{{ field: {{ F{}: w{} }} }}", numbers.below(variables), numbers.below(2));
        format!("require: {{ any: [{}, {}, {}] }}", literal(), literal(), literal())
    });
    format!("{HEAD}{}{rules}", write_fields(variables, 2))
}

#[test]
fn sixty_variables_of_which_every_clause_needs_one_of_three() {
    for seed in 0..4 {
        let _ = check_cost("60 variables", write_clauses(60, 258, seed), None);
    }
}

#[test]
fn three_hundred_variables_of_which_every_clause_needs_one_of_three() {
    let _ = check_cost("300 variables", write_clauses(300, 1_290, 9), None);
}

#[test]
fn a_pigeon_too_many() {
    // Each of eleven fields has one of ten words, and no two may have the same.
    let mut asked = Vec::new();
    for one in 0..11 {
        asked.push(format!("require: {{ field: {{ F{one}: present }} }}"));
        for other in 0..one {
            for word in 0..10 {
                asked.push(format!(
                    "require: {{ not: {{ field: {{ F{one}: w{word}, F{other}: w{word} }} }} }}"
                ));
            }
        }
    }
    let rules = write_rules(asked.len(), |number| asked[number].clone());
    let found = check_cost("pigeons", format!("{HEAD}{}{rules}", write_fields(11, 10)), None);
    // What takes too long to find out is no reason to refuse, and is told.
    assert!(is_told_incomplete(&found.unwrap()));
}

fn is_told_incomplete(inspection: &PolicyInspection) -> bool {
    inspection.notes.iter().any(|note| note.fault.what.contains("too large for this check to be complete"))
}

#[test]
fn four_hundred_rules_about_twelve_paths_each() {
    let rules = write_rules(400, |number| {
        let paths = list(12, |path| format!("'d{}/*/x{path}*.r?'", (number * 7 + path) % 97));
        format!(
            "when: {{ touches: [{paths}] }}, require: {{ size: {{ lines: {{ at-most: {} }} }} }}",
            10 + number
        )
    });
    let _ = check_cost("12 paths", fit(format!("{HEAD}{rules}")), None);
}

#[test]
fn five_thousand_refused_paths() {
    let rules = write_rules(5_000, |number| format!("require: {{ not: {{ touches: 'v{number}/**' }} }}"));
    let _ = check_cost("refused paths", fit(format!("{HEAD}{rules}")), None);
    let rules = write_rules(5_000, |number| match number % 2 {
        0 => format!("require: {{ not: {{ touches: 'v{number}/**' }} }}"),
        _ => format!("require: {{ touches: 'w{number}/**' }}"),
    });
    let _ = check_cost("refused and wanted paths", fit(format!("{HEAD}{rules}")), None);
}

#[test]
fn long_lists_of_paths() {
    let rules = write_rules(4, |number| {
        let paths = list(3_000, |path| format!("'*a*{number}*b*{path}/**'"));
        format!("require: {{ not: {{ touches: [{paths}] }} }}")
    });
    let _ = check_cost("long lists", fit(format!("{HEAD}{rules}")), None);
    let rules = write_rules(60, |number| {
        let paths = list(100, |path| format!("'*a*b*{number}*a*b*{path}*'"));
        format!("require: {{ only-touches: [{paths}] }}")
    });
    let _ = check_cost("wide patterns", fit(format!("{HEAD}{rules}")), None);
}

fn write_teams(teams: usize, members: usize) -> String {
    let mut text = String::from("fields: { Reviewed-by: { person: true } }\npeople:\n  teams:\n");
    for team in 0..teams {
        let members = list(members, |member| format!("p{}@example.com", (team * 31 + member * 7) % 4_000));
        let _ = writeln!(text, "    t{team}: [{members}]");
    }
    text
}

fn write_roster(people: usize) -> String {
    let mut roster = String::from("people:\n");
    for person in 0..people {
        let _ =
            writeln!(roster, "  p{person}: {{ addresses: [p{person}@example.com], accounts: [p{person}] }}");
    }
    roster
}

#[test]
fn three_thousand_rules_of_approvals_from_teams() {
    let rules = write_rules(2_800, |number| {
        format!(
            "require: {{ approvals: {{ at-least: {}, from: [t{}], trust: claimed }} }}",
            number % 4 + 1,
            number % 40
        )
    });
    let text = fit(format!("{HEAD}{}{rules}", write_teams(40, 20)));
    let _ = check_cost("approvals", text.clone(), None);
    let text = text.replacen("people:\n", "people:\n  roster: policies/people.yml\n", 1);
    let _ = check_cost("approvals with a roster", fit(text), Some(write_roster(4_000)));
}

#[test]
fn thousands_of_people_in_hundreds_of_teams() {
    let rules = write_rules(900, |number| match number % 3 {
        0 => format!(
            "require: {{ approvals: {{ at-least: 9, from: [t{}, t{}] }} }}",
            number % 200,
            (number + 1) % 200
        ),
        1 => format!("require: {{ author: {{ team: [t{}, t{}] }} }}", number % 200, (number + 7) % 200),
        _ => format!(
            "when: {{ pusher: {{ team: t{} }} }}, require: {{ author: {{ address: 'p{number}*' }} }}",
            number % 200
        ),
    });
    let text = fit(format!("{HEAD}{}{rules}", write_teams(200, 40)));
    let text = text.replacen("people:\n", "people:\n  roster: policies/people.yml\n", 1);
    let _ = check_cost("people and teams", fit(text), Some(write_roster(3_500)));
}

#[test]
fn thousands_of_bots() {
    let rules = write_rules(600, |number| match number % 3 {
        0 => format!("require: {{ approvals: {{ at-least: {}, trust: claimed }} }}", number % 7 + 1),
        1 => format!("require: {{ author: {{ team: t{} }} }}", number % 40),
        _ => format!("when: {{ author: {{ bot: true }} }}, require: {{ label: l{number} }}"),
    });
    let text = write_teams(40, 20);
    let bots = list(5_000, |bot| format!("'b{bot}-*'"));
    let text = text.replacen("people:\n", &format!("people:\n  bots: [{bots}]\n"), 1);
    let text = fit(format!("{HEAD}{text}{rules}"));
    let _ = check_cost("bots", text.clone(), None);
    let text = text.replacen("people:\n", "people:\n  roster: policies/people.yml\n", 1);
    let _ = check_cost("bots with a roster", text, Some(write_roster(4_000)));
}

#[test]
fn faults_of_every_rule() {
    // What cannot be loaded is refused as fast.
    let words = list(5_000, |word| format!("w{word}"));
    for asked in ["field: { F: x%w }", "field: { G%w: present }", "approvals: { from: [team%w] }", "lable: a"]
    {
        let rules = write_rules(3_000, |number| {
            format!("for: [class-{number}], require: {{ {} }}", asked.replace("%w", &format!("w{number}")))
        });
        let mut classes = String::from("classes:\n");
        for class in 0..1_000 {
            let _ = writeln!(classes, "  c{class}: {{ label: l{class} }}");
        }
        let text = fit(format!("{HEAD}fields: {{ F: {{ one-of: [{words}] }} }}\n{classes}{rules}"));
        let (loaded, loading) = measure(|| try_load(&BTreeMap::from([(NAME, text)])));
        println!("{asked}: load {loading:?}");
        assert!(loaded.is_err() && loading < MAX_TIME, "{asked}: {loading:?}");
    }
}

#[test]
fn rules_with_classes_and_conditions() {
    let mut classes = String::from("classes:\n");
    for class in 0..12 {
        let _ = writeln!(classes, "  c{class}: {{ touches: 'c{class}/**', label: c{class} }}");
    }
    classes += "  rest: {}\n";
    let rules = write_rules(2_800, |number| {
        format!(
            "for: [c{}, rest], when: {{ label: l{number} }}, require: {{ field: {{ F{}: w{} }} }}",
            number % 12,
            number % 5,
            number % 3
        )
    });
    let _ = check_cost("for and when", fit(format!("{HEAD}{}{classes}{rules}", write_fields(5, 3))), None);
}

#[test]
fn one_field_of_twelve_thousand_words() {
    let words = list(12_000, |word| format!("w{word}"));
    for kind in ["one-of", "ordered"] {
        let rules = write_rules(2_000, |number| match (kind, number % 3) {
            ("ordered", 0) => format!("require: {{ field: {{ F: {{ at-least: w{} }} }} }}", number * 5),
            ("ordered", 1) => {
                format!("require: {{ field: {{ F: {{ at-most: w{} }} }} }}", 12_000 - number * 5)
            }
            _ => format!("when: {{ field: {{ F: w{} }} }}, require: {{ label: l{number} }}", number * 6),
        });
        let _ = check_cost(
            "words",
            fit(format!("{HEAD}fields: {{ F: {{ {kind}: [{words}] }} }}\n{rules}")),
            None,
        );
    }
    let words = list(9_000, |word| format!("w{word}"));
    let rules = write_rules(200, |number| {
        let accepted = list(90, |word| format!("w{}", (word * 97 + number) % 9_000));
        format!("require: {{ field: {{ F: {{ one-of: [{accepted}] }} }} }}")
    });
    let _ = check_cost(
        "lists of words",
        fit(format!("{HEAD}fields: {{ F: {{ one-of: [{words}] }} }}\n{rules}")),
        None,
    );
}

#[test]
fn fifteen_hundred_classes_that_rules_leave_out() {
    for ask in ["label: l", "branch: b", "touches: p"] {
        let mut classes = String::from("classes:\n");
        for class in 0..1_500 {
            let _ = writeln!(classes, "  c{class}: {{ {ask}{class} }}");
        }
        classes += "  rest: {}\n";
        let rules = write_rules(3_000, |number| {
            format!(
                "not-for: [c{}, c{}], require: {{ label: m{} }}",
                number % 1_500,
                (number * 3) % 1_499,
                number % 50
            )
        });
        let _ = check_cost("classes", fit(format!("{HEAD}{classes}{rules}")), None);
    }
    let mut classes = String::from("classes:\n");
    for class in 0..600 {
        let _ = writeln!(classes, "  c{class}: {{ field: {{ F{}: w{} }} }}", class % 60, class % 9);
    }
    classes += "  rest: {}\n";
    let rules = write_rules(300, |number| {
        let left_out = list(60, |class| format!("c{}", (class * 7 + number) % 600));
        format!("not-for: [{left_out}], require: {{ field: {{ F{}: w{} }} }}", number % 60, number % 10)
    });
    let _ =
        check_cost("classes of fields", fit(format!("{HEAD}{}{classes}{rules}", write_fields(60, 10))), None);
}

#[test]
fn hundreds_of_windows_and_branches() {
    let rules = write_rules(1_500, |number| {
        let zone = ["UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York"][number % 4];
        let (from, until) = (number % 23, number % 23 + 1);
        format!(
            "require: {{ window: {{ outside: [{{ from: '{from:02}:{:02}', until: '{until:02}:{:02}' }}], zone: {zone} }} }}",
            number % 60,
            number % 59
        )
    });
    let _ = check_cost("windows", fit(format!("{HEAD}{rules}")), None);
    let rules = write_rules(3_000, |number| {
        format!(
            "when: {{ branch: ['r{number}/*', '*-s{number}'] }}, require: {{ author: {{ address: '*{number}@example.com' }} }}"
        )
    });
    let text = format!("changegate: 1\nprotects: [main, 'r*/**', '*-s*']\n{rules}");
    let _ = check_cost("branches", fit(text), None);
    let rules = write_rules(1_500, |number| {
        format!("when: {{ branch: 'b{number}-*' }}, require: {{ label: l{number} }}")
    });
    let branches = list(4_000, |branch| format!("'*-b{branch}-*'"));
    let _ =
        check_cost("protected", fit(format!("changegate: 1\nprotects: [main, {branches}]\n{rules}")), None);
}

#[test]
fn exemptions_from_every_rule() {
    let rules = write_rules(700, |number| format!("require: {{ label: l{number} }}"));
    let mut exemptions = String::from("exemptions:\n");
    for number in 0..2_000 {
        let _ = writeln!(
            exemptions,
            "  - {{ rule: r{}, when: {{ any: [{{ branch: main }}, {{ touches: e{number}/ }}] }}, reason: r, approved-by: Ana, \
             until: 2027-01-0{} }}",
            number % 700,
            number % 9 + 1
        );
    }
    let _ = check_cost("exemptions", fit(format!("{HEAD}{rules}{exemptions}")), None);
}

/// Writes `any`, `all` and `not` in each other.
fn nest(depth: usize, numbers: &mut Numbers) -> String {
    if depth == 0 {
        return format!("{{ field: {{ F{}: w{} }} }}", numbers.below(30), numbers.below(4));
    }
    match numbers.below(3) {
        0 => format!("{{ not: {} }}", nest(depth - 1, numbers)),
        1 => format!("{{ any: [{}, {}] }}", nest(depth - 1, numbers), nest(depth - 1, numbers)),
        _ => format!("{{ all: [{}, {}] }}", nest(depth - 1, numbers), nest(depth - 1, numbers)),
    }
}

#[test]
fn deeply_nested_conditions() {
    let mut numbers = Numbers(5);
    let rules =
        write_rules(150, |_| format!("when: {}, require: {}", nest(5, &mut numbers), nest(5, &mut numbers)));
    let _ = check_cost("nested", fit(format!("{HEAD}{}{rules}", write_fields(30, 4))), None);
}

#[test]
fn nine_hundred_rules_of_many_kinds() {
    let rules = write_rules(900, |number| {
        let asked = match number % 6 {
            0 => "approvals: { at-least: 2, trust: claimed }".to_owned(),
            1 => format!("field: {{ Risk: {{ at-least: {} }} }}", ["low", "medium"][number / 6 % 2]),
            2 => format!("size: {{ lines: {{ at-most: {} }} }}", 500 + number),
            3 => format!("not: {{ touches: 'vendor/{number}/**' }}"),
            4 => format!("any: [{{ author: {{ team: ops }} }}, {{ label: l{number} }}]"),
            _ => format!("subject: {{ longest: {} }}", 70 + number),
        };
        format!("when: {{ touches: 'src/{number}/**' }}, require: {{ {asked} }}")
    });
    let text = format!(
        "changegate: 1\nextends: [startup]\nprotects: [main]\npeople: {{ roster: policies/people.yml, teams: {{ ops: [p1, p2] \
         }} }}\n{rules}"
    );
    assert!(check_cost("mixed", text, Some(write_roster(40))).is_ok());
}
