//! Samples by the method's own vector, and populations in every form.

use super::*;
use crate::audit::sample::population::PopulationError;
use crate::change::Text;

fn read(text: impl AsRef<[u8]>) -> Population {
    Population::read_population(&mut text.as_ref()).unwrap()
}

fn fault(text: impl AsRef<[u8]>) -> String {
    match Population::read_population(&mut text.as_ref()) {
        Err(PopulationError::Faulty(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn ids(population: &Population) -> Vec<Text> {
    population.items.iter().map(|item| item.id.clone()).collect()
}

fn request(seed: &str, size: usize) -> SampleRequest {
    SampleRequest { seed: seed.into(), size, strata: Stratum::ALL.to_vec(), stratum_size: 2 }
}

fn taken(part: &SamplePart) -> Vec<String> {
    part.taken.iter().map(|change| change.item.id.to_lossy().into_owned()).collect()
}

const VECTOR_SEED: &str = "auditor-2026-Q4:7f3a";

#[test]
fn the_test_vector_holds() {
    let list: String = (101..=110).map(|number| format!("acme/api#{number}\n")).collect();
    let sample = ChangeSample::draw_sample(&read(&list), request(VECTOR_SEED, 3));
    assert_eq!(taken(&sample.random), ["acme/api#109", "acme/api#104", "acme/api#106"]);
    for (change, start) in sample.random.taken.iter().zip(["1a76ec00", "1c70cbe5", "2d9ba41d"]) {
        assert!(change.digest.starts_with(start), "{change:?}");
    }
    // The order of the list has no say.
    let backwards: String = (101..=110).rev().map(|number| format!("acme/api#{number}\n")).collect();
    let again = ChangeSample::draw_sample(&read(&backwards), request(VECTOR_SEED, 3));
    assert_eq!(again, sample);
}

#[test]
fn the_digest_of_a_population_is_that_of_the_sorted_ids() {
    // LC_ALL=C sort | sha256sum
    assert_eq!(read("b\na\n").digest(), "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2");
}

#[test]
fn every_form_of_a_population_says_the_same() {
    let json = "{\"change_id\":\"a\",\"other\":[1]}\n{\"change_id\":\"=b\"}\n";
    let csv = "\u{feff}title,change_id\r\n\"two\nlines, and a comma\",a\r\n\r\n,'=b\r\n";
    let semicolons = "title;change_id\nx;a\ny;'=b";
    let plain = "a\n\n=b";
    for text in [json, csv, semicolons, plain] {
        let population = read(text);
        assert_eq!(ids(&population), [Text::from("a"), Text::from("=b")], "{text}");
        assert_eq!(population.unknown_strata, Stratum::ALL);
    }
}

#[test]
fn a_population_that_cannot_be_trusted_is_refused_with_the_line() {
    let long = format!("a\n{}\n", "b".repeat(5 << 20));
    for (text, why) in [
        ("", "the population is empty"),
        ("change_id\n", "the population holds no change"),
        ("a\nb\na\n", "line 3: the same change stands on line 1"),
        ("change_id,x\n\"a\",\"1\n2\"\nb,\na,\n", "line 5: the same change stands on line 2"),
        ("{\"change_id\":\"a\"}\n{\"change_id\":\"a\"}\n", "line 2: the same change stands on line 1"),
        (
            "id,title\na,b\n",
            "line 1: more than an id; the first line of a table has to name the column `change_id`",
        ),
        ("change_id,x\na\n", "line 2: the number of fields is 1, and 2 on the first line"),
        ("change_id,x\n,b\n", "line 2: the id of the change is empty"),
        ("change_id,x\n\"a,b\nc,d\n", "line 2: a quotation mark is never closed"),
        (
            "change_id,x\na,5\" long\nb,6\" long\n",
            "line 2: not UTF-8, or its quotation marks do not follow RFC 4180",
        ),
        ("a\u{1b}b\n", "line 1: the id of the change holds a control character"),
        (long.as_str(), "line 2: longer than 4 MiB"),
    ] {
        assert_eq!(fault(text), why, "{:.40}", text);
    }
    assert!(fault("{\"change_id\":1}").starts_with("line 1: not a change: "));
    assert!(fault("{\"title\":\"a\"}").contains("missing field `change_id`"));
    assert!(fault("{\"change_id\":\"a\",\"change_id\":\"b\"}").contains("duplicate field `change_id`"));
    assert_eq!(fault(b"a\n\xff\n"), "line 2: not UTF-8");
}

const LOG: &str = "\
change_id,change_type,isms_change,bypassed,outcome
n1,normal,false,before-gate,successful
n2,normal,no,not-known,unknown
e1,emergency,false,none,successful
e2,Emergency,false,none,successful
e3,emergency,false,none,successful
ef,emergency,false,none,failed
i1,normal,true,none,successful
i2,normal,yes ISMS-7,none,successful
u1,normal,false,direct-push,successful
f1,normal,false,none,backed-out
";

#[test]
fn strata_are_listed_apart_and_never_in_the_random_sample() {
    let sample = ChangeSample::draw_sample(&read(LOG), request("s", 9));
    let mut told = Vec::new();
    for part in sample.parts() {
        let mut ids = taken(part);
        ids.sort();
        told.push((part.title(), part.population, ids.join(" ")));
    }
    // By rank, two of the three emergencies are taken; the one that failed is with the failed.
    let emergencies = told.remove(3);
    assert_eq!((emergencies.0, emergencies.1), ("emergency changes", 3));
    assert_eq!(emergencies.2.split(' ').filter(|id| id.starts_with('e')).count(), 2);
    assert_eq!(
        told,
        [
            ("unauthorised and unrecorded changes", 2, "n2 u1".to_owned()),
            ("changes that landed although denied", 0, String::new()),
            ("failed changes", 2, "ef f1".to_owned()),
            ("ISMS changes", 2, "i1 i2".to_owned()),
            ("random sample", 1, "n1".to_owned()),
        ]
    );
    assert!(sample.describe_method().iter().any(|sentence| sentence.starts_with("Those are 1, so all ")));

    let whole = SampleRequest { strata: Vec::new(), ..request("s", 3) };
    let sample = ChangeSample::draw_sample(&read(LOG), whole);
    assert_eq!((sample.strata.len(), sample.random.population, sample.random.taken.len()), (0, 10, 3));
}

#[test]
fn a_stratum_without_a_column_is_said_to_be_unknown() {
    let population = read("{\"change_id\":\"a\",\"outcome\":null,\"isms_change\":true}\n");
    let sample = ChangeSample::draw_sample(&population, request("s", 1));
    assert_eq!(sample.unknown_strata, [Stratum::Unauthorised, Stratum::Denied, Stratum::Emergency]);
    assert!(
        sample.describe_method().contains(
            &"Not known of this population: unauthorised and unrecorded changes (no column `bypassed`), changes that landed although \
              denied (no column `bypassed`), emergency changes (no column `change_type`)."
                .to_owned()
        )
    );
    let told: Vec<_> = sample.parts().map(|part| (part.title(), part.taken.len())).collect();
    assert_eq!(told, [("failed changes", 0), ("ISMS changes", 1), ("random sample", 0)]);
}

/// A class of the policy makes an emergency as well as what the change calls itself, and what evaluate mode let through is
/// no unauthorised change; what a ledger does not tell of is listed with those.
#[test]
fn a_change_is_in_the_stratum_of_what_it_is() {
    let log = "change_id,change_type,change_class,isms_change,bypassed,outcome\n\
               a,normal,emergency,false,none,ok\n\
               b,normal,normal; hot-emergency,false,none,ok\n\
               c,normal,normal,false,not-enforced,ok\n\
               d,normal,normal,false,denied-not-enforced,ok\n\
               e,normal,normal,false,regularised,ok\n\
               f,normal,normal,false,not-known,ok\n";
    let population = read(log);
    let strata: Vec<&[Stratum]> = population.items.iter().map(|item| item.strata.as_slice()).collect();
    let expected: [&[Stratum]; 6] = [
        &[Stratum::Emergency],
        &[Stratum::Emergency],
        &[],
        &[Stratum::Denied],
        &[Stratum::Unauthorised],
        &[Stratum::Unauthorised],
    ];
    assert_eq!(strata, expected);
    // Without a ledger nothing is known of any change, and none is apart.
    let population = read("change_id,bypassed\na,not-known\nb,not-known\n");
    assert!(population.items.iter().all(|item| item.strata.is_empty()));
}
