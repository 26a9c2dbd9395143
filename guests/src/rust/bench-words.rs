// Hash tables, ordered maps and strings: words of a made text are counted, ordered and joined. argv[1]: rounds.
use std::collections::{BTreeMap, HashMap};

fn text() -> String {
    let syllables = ["ka", "ro", "mi", "te", "su", "lan", "vor", "qi"];
    let mut seed = 7u32;
    let mut text = String::new();
    for _ in 0..40_000 {
        seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
        for shift in 0..1 + (seed >> 28) % 4 {
            text.push_str(syllables[(seed >> (8 + 3 * shift)) as usize % syllables.len()]);
        }
        text.push(if seed % 13 == 0 { '\n' } else { ' ' });
    }
    text
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let text = text();
    let mut report = String::new();
    for _ in 0..rounds {
        let mut counts: HashMap<&str, u32> = HashMap::new();
        for word in text.split_whitespace() {
            *counts.entry(word).or_insert(0) += 1;
        }
        let mut by_length: BTreeMap<(usize, String), u32> = BTreeMap::new();
        for (word, count) in &counts {
            *by_length.entry((word.len(), word.chars().rev().collect())).or_insert(0) += count;
        }
        let mut words: Vec<_> = counts.into_iter().collect();
        words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        report = words.iter().take(5).map(|(word, count)| format!("{word}={count}")).collect::<Vec<_>>().join(" ");
        report += &format!(" {}", by_length.len());
    }
    println!("{}", report);
}
