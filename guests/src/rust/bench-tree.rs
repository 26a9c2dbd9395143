// Recursion and allocation: binary trees of boxes, built, walked, searched, inserted into and dropped. argv[1]: rounds.
struct Node {
    key: u32,
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

fn build(depth: u32, key: u32) -> Option<Box<Node>> {
    if depth == 0 {
        return None;
    }
    Some(Box::new(Node { key, left: build(depth - 1, 2 * key), right: build(depth - 1, 2 * key + 1) }))
}

fn sum(node: &Option<Box<Node>>) -> u32 {
    match node {
        None => 0,
        Some(node) => node.key.wrapping_add(sum(&node.left)).wrapping_add(sum(&node.right)),
    }
}

fn insert(mut place: &mut Option<Box<Node>>, key: u32) {
    while let Some(node) = place {
        place = if key < node.key { &mut node.left } else { &mut node.right };
    }
    *place = Some(Box::new(Node { key, left: None, right: None }));
}

fn contains(mut place: &Option<Box<Node>>, key: u32) -> bool {
    while let Some(node) = place {
        if node.key == key {
            return true;
        }
        place = if key < node.key { &node.left } else { &node.right };
    }
    false
}

fn main() {
    let rounds: u32 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut total = 0u32;
    for round in 0..rounds {
        total = total.wrapping_add(sum(&build(14, 1)));
        let mut tree = None;
        let mut seed = round;
        for _ in 0..10_000 {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            insert(&mut tree, seed >> 8);
        }
        total += (0..10_000).filter(|key| contains(&tree, key * 1024)).count() as u32;
    }
    println!("{}", total);
}
