// The file system as Rust's standard library uses it, in the preopened directory argv[1] ("." without it).
// Leaves nothing behind where all checks hold.
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Returns from the test with a line that says what was expected and what was got.
macro_rules! equal {
    ($got:expr, $expected:expr) => {
        match (&$got, &$expected) {
            (got, expected) if got == expected => {}
            (got, expected) => {
                let message = format!("fs-rust: {}: {}: expected {:?}, got {:?}", line!(), stringify!($got), expected, got);
                return Err(io::Error::new(ErrorKind::Other, message));
            }
        }
    };
}

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn files(dir: &Path) -> io::Result<()> {
    let path = dir.join("file");
    equal!(kind(File::open(&path)), Some(ErrorKind::NotFound));
    fs::write(&path, b"0123456789")?;
    equal!(fs::read_to_string(&path)?, "0123456789");
    equal!(kind(OpenOptions::new().write(true).create_new(true).open(&path)), Some(ErrorKind::AlreadyExists));

    let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
    equal!(file.seek(SeekFrom::End(-4))?, 6);
    file.write_all(b"ABCDEF")?;
    equal!(file.metadata()?.len(), 12);
    equal!(file.stream_position()?, 12);
    file.seek(SeekFrom::Start(0))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    equal!(text, "012345ABCDEF");
    file.set_len(3)?;
    file.sync_all()?;
    file.sync_data()?;
    equal!(fs::read(&path)?, b"012");
    equal!(kind(file.seek(SeekFrom::Current(-1000))), Some(ErrorKind::InvalidInput));
    drop(file);

    let mut log = OpenOptions::new().append(true).open(&path)?;
    log.write_all(b"345")?;
    drop(log);
    equal!(fs::read(&path)?, b"012345");
    let mut read_only = File::open(&path)?;
    equal!(read_only.write(b"x").is_err(), true);
    File::create(&path)?;
    equal!(fs::metadata(&path)?.len(), 0);
    fs::remove_file(&path)?;
    equal!(kind(fs::remove_file(&path)), Some(ErrorKind::NotFound));
    Ok(())
}

fn lines(dir: &Path) -> io::Result<()> {
    let path = dir.join("lines");
    let mut file = io::BufWriter::new(File::create(&path)?);
    for i in 0..10_000 {
        writeln!(file, "line {i}")?;
    }
    file.flush()?;
    let mut count = 0;
    for (i, line) in BufReader::new(File::open(&path)?).lines().enumerate() {
        equal!(line?, format!("line {i}"));
        count += 1;
    }
    equal!(count, 10_000);
    equal!(fs::copy(&path, dir.join("copy"))?, fs::metadata(&path)?.len());
    fs::remove_file(dir.join("copy"))?;
    fs::remove_file(path)
}

fn directories(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir.join("a/b/c"))?;
    equal!(kind(fs::create_dir(dir.join("a"))), Some(ErrorKind::AlreadyExists));
    equal!(fs::remove_dir(dir.join("a")).is_err(), true);
    let mut expected: Vec<String> = (0..200).map(|i| format!("entry-{i:03}")).collect();
    for name in &expected {
        fs::write(dir.join("a").join(name), name)?;
    }
    expected.insert(0, "b".into());
    let mut names = Vec::new();
    for entry in fs::read_dir(dir.join("a"))? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        equal!(entry.file_type()?.is_dir(), name == "b");
        names.push(name);
    }
    names.sort();
    equal!(names, expected);
    fs::rename(dir.join("a/entry-000"), dir.join("moved"))?;
    equal!(fs::read_to_string(dir.join("moved"))?, "entry-000");
    fs::hard_link(dir.join("moved"), dir.join("hard"))?;
    equal!(fs::read_to_string(dir.join("hard"))?, "entry-000");
    fs::remove_file(dir.join("hard"))?;
    fs::remove_file(dir.join("moved"))?;
    fs::remove_dir_all(dir.join("a"))?;
    equal!(kind(fs::metadata(dir.join("a"))), Some(ErrorKind::NotFound));
    equal!(File::open(dir.join("../../../etc/passwd")).is_err(), true);
    Ok(())
}

fn times(dir: &Path) -> io::Result<()> {
    let path = dir.join("timed");
    fs::write(&path, "x")?;
    let age = SystemTime::now().duration_since(fs::metadata(&path)?.modified()?).unwrap_or_default();
    equal!(age < Duration::from_secs(60), true);
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(5));
    equal!(start.elapsed() >= Duration::from_millis(4), true);
    fs::remove_file(path)
}

fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".into())).join("fs-rust-test");
    let all = || {
        fs::create_dir(&dir)?;
        files(&dir)?;
        lines(&dir)?;
        directories(&dir)?;
        times(&dir)?;
        fs::remove_dir(&dir)
    };
    if let Err(error) = all() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
