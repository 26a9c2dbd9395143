// The least a Rust program with std needs.
fn main() {
    println!("Hello from Rust");
}
