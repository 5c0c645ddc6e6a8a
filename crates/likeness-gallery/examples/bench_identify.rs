//! Measures how many faces get the right and a wrong name after a few faces of each person are named.
//!
//! ```text
//! cargo run --release -p likeness-gallery --example bench_identify -- FILE.embeddings… [--limits SAME,POSSIBLE] [--share 0.5]
//! cargo run --release -p likeness-gallery --example bench_identify -- --synthetic FACES,PEOPLE,REFERENCES,DIMENSION
//! ```
//!
//! Half of the identities of each file, or another share, are named, with 1, 3 or 5 faces chosen at random; the others are
//! strangers, who must get no name. Every face is a photo of its own. Rules beside that of `identify`: the distance to the nearest
//! reference, and the mean of the two and of the three nearest, with the verdict limits of pairs.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::time::Instant;

use likeness_gallery::decision::{Change, Decision};
use likeness_gallery::people::People;
use likeness_gallery::people::identify::{Face, Faces, IdentifyConfig, Limits, identify};
use likeness_gallery::{DecisionId, ItemId, PersonId, PhotoId};
use likeness_search::{Distance, EmbeddingTable, Verdict};

type Failure = Box<dyn std::error::Error>;

const ROUNDS: u64 = 4;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (mut files, mut limits, mut share) = (Vec::new(), None, 0.5);
    while let Some(argument) = arguments.next() {
        let numbers = |text: Option<String>| -> Result<Vec<f64>, Failure> {
            text.ok_or("expected a list of numbers")?.split(',').map(|n| Ok(n.parse()?)).collect()
        };
        match argument.as_str() {
            "--limits" => match numbers(arguments.next())?[..] {
                [same, possible] => limits = Some(Limits { same: same as f32, possible: possible as f32 }),
                _ => return Err("--limits: expected SAME,POSSIBLE".into()),
            },
            "--share" => {
                share = numbers(arguments.next())?.first().copied().ok_or("--share: expected a number")?
            }
            "--synthetic" => match numbers(arguments.next())?[..] {
                [faces, people, references, dimension] => {
                    return synthetic(
                        faces as usize,
                        people as usize,
                        references as usize,
                        dimension as usize,
                    );
                }
                _ => return Err("--synthetic: expected FACES,PEOPLE,REFERENCES,DIMENSION".into()),
            },
            _ => files.push(argument),
        }
    }
    for file in files {
        let table = EmbeddingTable::load(file.as_ref())?;
        let limits = match limits {
            Some(limits) => limits,
            None => Limits::of(&table.model().thresholds)?,
        };
        println!("{file}: {} faces, limits {} {}", table.len(), limits.same, limits.possible);
        println!(
            "{:>10} {:<10} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "references", "rule", "right %", "wrong %", "stranger%", "suggest %", "of them right"
        );
        for references in [1, 3, 5] {
            measure(&table, limits, references, share)?;
        }
    }
    Ok(())
}

/// Counts of faces without a name by hand.
#[derive(Default)]
struct Counts {
    /// Faces of named people, and of strangers.
    mated: usize,
    strangers: usize,
    right: usize,
    wrong: usize,
    strangers_named: usize,
    suggested: usize,
    suggested_right: usize,
}

impl Counts {
    fn add(&mut self, truth: Option<PersonId>, found: Option<(PersonId, Verdict)>) {
        match truth {
            Some(_) => self.mated += 1,
            None => self.strangers += 1,
        }
        match found {
            Some((person, Verdict::Same)) if truth == Some(person) => self.right += 1,
            Some((_, Verdict::Same)) if truth.is_none() => self.strangers_named += 1,
            Some((_, Verdict::Same)) => self.wrong += 1,
            Some((person, Verdict::Possible)) => {
                self.suggested += 1;
                self.suggested_right += usize::from(truth == Some(person));
            }
            _ => {}
        }
    }

    fn print(&self, references: usize, rule: &str) {
        let percent = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
        let all = self.mated + self.strangers;
        println!(
            "{references:>10} {rule:<10} {:>9.1} {:>9.2} {:>9.2} {:>9.1} {:>9.1}",
            percent(self.right, self.mated),
            percent(self.wrong + self.strangers_named, all),
            percent(self.strangers_named, self.strangers),
            percent(self.suggested, all),
            percent(self.suggested_right, self.suggested),
        );
    }
}

/// A generator of random numbers: splitmix64 (Steele et al. 2014, doi 10.1145/2660193.2660195).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, (self.next() % (at as u64 + 1)) as usize);
        }
    }

    fn gaussian(&mut self) -> f32 {
        let unit = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        let (a, b) = (unit(self.next()), unit(self.next()));
        ((-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()) as f32
    }
}

fn measure(table: &EmbeddingTable, limits: Limits, references: usize, share: f64) -> Result<(), Failure> {
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    for seed in 0..ROUNDS {
        let named = name_some(table, references, share, &mut Random(seed));
        let faces = faces(table.len());
        let faces = Faces::new(&faces, table.embeddings(), table.dimension(), table.model().distance)?;
        let found = identify(&faces, &named.people, limits, &IdentifyConfig::default())?;
        let mut by_item: BTreeMap<ItemId, (PersonId, Verdict)> = BTreeMap::new();
        by_item.extend(found.assignments.iter().map(|a| (a.item, (a.person, a.verdict))));
        for (at, truth) in named.truth.iter().enumerate() {
            let item = ItemId(at as i64);
            if named.people.standing(item).is_some() {
                continue;
            }
            counts.entry("identify").or_default().add(*truth, by_item.get(&item).copied());
            for (rule, nearest) in [("nearest", 1), ("mean of 2", 2), ("mean of 3", 3)] {
                let found = simple(table, &named.people, at, nearest, limits);
                counts.entry(rule).or_default().add(*truth, found);
            }
        }
    }
    // A file whose identities have too few faces has nothing to name.
    let measured = counts.iter().filter(|(_, counts)| counts.mated > 0);
    measured.for_each(|(rule, counts)| counts.print(references, rule));
    Ok(())
}

fn faces(count: usize) -> Vec<Face> {
    let face = |at: i64| Face { item: ItemId(at), photo: PhotoId(at), quality: 1.0, taken: None };
    (0..count as i64).map(face).collect()
}

/// The people after naming, and the person that every face shows if that person was named.
struct Named {
    people: People,
    truth: Vec<Option<PersonId>>,
}

fn name_some(table: &EmbeddingTable, references: usize, share: f64, random: &mut Random) -> Named {
    let mut of: BTreeMap<&str, Vec<ItemId>> = BTreeMap::new();
    for (at, row) in table.rows().iter().enumerate() {
        of.entry(row.identity.as_deref().unwrap_or("")).or_default().push(ItemId(at as i64));
    }
    let mut identities: Vec<Vec<ItemId>> = of.into_values().collect();
    random.shuffle(&mut identities);
    let most = (identities.len() as f64 * share).round() as usize;
    let (mut people, mut truth) = (People::default(), vec![None; table.len()]);
    for (number, mut items) in
        (1..).zip(identities.into_iter().filter(|items| items.len() > references).take(most))
    {
        random.shuffle(&mut items);
        items.iter().for_each(|item| truth[item.0 as usize] = Some(PersonId(number)));
        items.truncate(references);
        let name = Some(format!("person {number}"));
        let change = Change::Name { person: PersonId(number), name, items };
        let decision = Decision { id: DecisionId(number), time: String::new(), actor: String::new(), change };
        people.apply(&decision).expect("a new person can be named");
    }
    Named { people, truth }
}

/// The person whose nearest references have the least mean distance.
fn simple(
    table: &EmbeddingTable,
    people: &People,
    at: usize,
    nearest: usize,
    limits: Limits,
) -> Option<(PersonId, Verdict)> {
    let distance = table.model().distance;
    let to = |item: ItemId| distance.between(table.embedding(at), table.embedding(item.0 as usize)) as f32;
    let mean = |person: PersonId| {
        let mut distances: Vec<f32> = people.faces(person).map(to).collect();
        distances.sort_by(f32::total_cmp);
        distances.truncate(nearest);
        distances.iter().sum::<f32>() / distances.len() as f32
    };
    let best = people.persons().map(|person| (mean(person.id), person.id));
    let (distance, person) = best.min_by(|a, b| a.0.total_cmp(&b.0))?;
    match distance {
        d if d <= limits.same => Some((person, Verdict::Same)),
        d if d <= limits.possible => Some((person, Verdict::Possible)),
        _ => None,
    }
}

/// The time to identify many random faces.
fn synthetic(
    faces_count: usize,
    people_count: usize,
    references: usize,
    dimension: usize,
) -> Result<(), Failure> {
    let mut random = Random(1);
    let centres: Vec<f32> = (0..people_count * dimension).map(|_| random.gaussian()).collect();
    let mut vectors = Vec::with_capacity(faces_count * dimension);
    for face in 0..faces_count {
        let centre = &centres[face % people_count * dimension..][..dimension];
        vectors.extend(centre.iter().map(|value| value + 0.5 * random.gaussian()));
    }
    let mut people = People::default();
    for number in 1..=people_count as i64 {
        let items = (0..references).map(|n| ItemId(number - 1 + (n * people_count) as i64)).collect();
        let change = Change::Name { person: PersonId(number), name: Some(number.to_string()), items };
        people.apply(&Decision {
            id: DecisionId(number),
            time: String::new(),
            actor: String::new(),
            change,
        })?;
    }
    let faces = faces(faces_count);
    let faces = Faces::new(&faces, &vectors, dimension, Distance::Cosine)?;
    let limits = Limits { same: 0.4, possible: 0.5 };
    let start = Instant::now();
    let found = identify(&faces, &people, limits, &IdentifyConfig::default())?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{faces_count} faces, {people_count} people, {references} references, {dimension} values: {} named in {seconds:.1} s",
        found.assignments.len()
    );
    Ok(())
}
