use std::io::Read;
fn main() {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    let mut words = input.split_whitespace();
    match words.next().unwrap() {
        "sum" => println!("{} é", words.map(|word| word.parse::<i64>().unwrap()).sum::<i64>()),
        "exit" => std::process::exit(3),
        "throw" => panic!("no"),
        "spin" => loop { std::hint::spin_loop() },
        "hog" => { let mut all = Vec::new(); loop { all.push(vec![1u8; 1 << 20]) } }
        _ => {
            let threads: Vec<_> = (1..3).map(|n| std::thread::spawn(move || n)).collect();
            println!("{}", threads.into_iter().map(|thread| thread.join().unwrap()).sum::<i32>());
        }
    }
}
