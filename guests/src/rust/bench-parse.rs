// Parsing: a recursive-descent parser of JSON, over a document made here. argv[1]: rounds.
use std::fmt::Write;

enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.space();
        if self.peek() != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        let rest = &self.text[self.at..];
        if !rest.starts_with(word.as_bytes()) {
            return None;
        }
        self.at += word.len();
        Some(value)
    }

    fn value(&mut self) -> Option<Value> {
        self.space();
        match self.peek() {
            b'{' => self.object(),
            b'[' => self.list(),
            b'"' => self.text().map(Value::Text),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number(),
        }
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        while matches!(self.peek(), b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') {
            self.at += 1;
        }
        std::str::from_utf8(&self.text[start..self.at]).ok()?.parse().ok().map(Value::Number)
    }

    fn text(&mut self) -> Option<String> {
        self.expect(b'"')?;
        let mut bytes = Vec::new();
        loop {
            let byte = *self.text.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(bytes).ok(),
                b'\\' => {
                    let escaped = *self.text.get(self.at)?;
                    self.at += 1;
                    bytes.push(if escaped == b'n' { b'\n' } else { escaped });
                }
                _ => bytes.push(byte),
            }
        }
    }

    fn list(&mut self) -> Option<Value> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        self.space();
        if self.peek() != b']' {
            loop {
                items.push(self.value()?);
                self.space();
                if self.peek() != b',' {
                    break;
                }
                self.at += 1;
            }
        }
        self.expect(b']')?;
        Some(Value::List(items))
    }

    fn object(&mut self) -> Option<Value> {
        self.expect(b'{')?;
        let mut fields = Vec::new();
        self.space();
        if self.peek() != b'}' {
            loop {
                self.space();
                let name = self.text()?;
                self.expect(b':')?;
                fields.push((name, self.value()?));
                self.space();
                if self.peek() != b',' {
                    break;
                }
                self.at += 1;
            }
        }
        self.expect(b'}')?;
        Some(Value::Object(fields))
    }
}

fn weigh(value: &Value) -> f64 {
    match value {
        Value::Null => 1.0,
        Value::Bool(value) => f64::from(*value as u8),
        Value::Number(number) => *number,
        Value::Text(text) => text.len() as f64,
        Value::List(items) => items.iter().map(weigh).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() as f64 + weigh(value)).sum(),
    }
}

fn document() -> String {
    let mut text = String::from("[");
    for i in 0..5000 {
        let comma = if i == 0 { "" } else { ",\n" };
        let flag = i % 3 == 0;
        write!(text, r#"{comma}  {{"id": {i}, "name": "process \"{i}\"\n", "load": {}.5e-1, "idle": {flag}, "#, i * 7).unwrap();
        write!(text, r#""parent": null, "pages": [{}, {}, [{i}]], "owner": {{"user": "u{}"}}}}"#, i % 5, i % 11, i % 100).unwrap();
    }
    text + "]"
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let text = document();
    let mut total = 0.0;
    for _ in 0..rounds {
        let mut parser = Parser { text: text.as_bytes(), at: 0 };
        total += weigh(&parser.value().expect("the document is JSON"));
    }
    println!("{}", total);
}
