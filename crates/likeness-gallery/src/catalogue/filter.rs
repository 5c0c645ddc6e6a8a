//! Filters: conditions on photos and faces, as text.
//!
//! ```text
//! condition  = term { "or" term }
//! term       = factor { "and" factor }
//! factor     = "not" factor | "(" condition ")" | column operator value
//! operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~"
//! value      = a word, a number, or a text in quotes
//! ```
//!
//! `~` compares with a pattern: `*` is any text, `?` any character. Columns: `person`, `path`, `date` (`YYYY-MM-DD`, or the
//! beginning of one), `origin`, `state`, `width`, `height`, `bytes`, `quality`, `score`, `sha256`, `photo`, `face`, and any column
//! that was stored with the photos. A column without a value fulfils only `!=`.

use crate::{GalleryError, Result};

/// A condition on photos and faces.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    root: Node,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Compare { column: String, operator: Operator, value: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Like,
}

impl Operator {
    const ALL: [(&'static str, Self); 7] = [
        ("!=", Self::NotEqual),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("=", Self::Equal),
        ("<", Self::Less),
        (">", Self::Greater),
        ("~", Self::Like),
    ];

    fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "IS NOT",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Like => "GLOB",
        }
    }
}

/// A value that a filter compares with.
#[derive(Debug, Clone, PartialEq)]
pub enum FilterValue {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// Deepest nesting of parentheses and `not`.
const DEEPEST: usize = 100;

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors        text that is not a condition → [`GalleryError::BadArgument`], which quotes it
    /// # Examples
    ///
    /// ```
    /// use likeness_gallery::catalogue::Filter;
    /// assert!(Filter::parse("person = Anna and not (path ~ '*/Downloads/*' or date < 2019)").is_ok());
    /// assert!(Filter::parse("person Anna").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |reason: String| GalleryError::BadArgument {
            reason: format!("--where {text:?}: {reason}"),
            hint: "write conditions such as: person = Anna and date >= 2019 and not path ~ '*/Downloads/*'"
                .into(),
        };
        let words = words(text).map_err(&bad)?;
        let mut parser = Parser { words: &words, at: 0, depth: 0 };
        let root = parser.condition().map_err(&bad)?;
        match parser.peek() {
            None => Ok(Self { root }),
            Some(word) => Err(bad(format!("expected `and`, `or` or the end, found {:?}", word.text))),
        }
    }

    /// The condition in SQL over the tables `item`, `photo` and `assignment`, with the values of its parameters in order.
    pub(super) fn sql(&self) -> (String, Vec<FilterValue>) {
        let mut values = Vec::new();
        (sql(&self.root, &mut values), values)
    }
}

fn sql(node: &Node, values: &mut Vec<FilterValue>) -> String {
    match node {
        Node::And(a, b) => format!("({} AND {})", sql(a, values), sql(b, values)),
        Node::Or(a, b) => format!("({} OR {})", sql(a, values), sql(b, values)),
        Node::Not(inner) => format!("(NOT {})", sql(inner, values)),
        Node::Compare { column, operator, value } => compare(column, *operator, value, values),
    }
}

fn compare(column: &str, operator: Operator, value: &str, values: &mut Vec<FilterValue>) -> String {
    let text = |values: &mut Vec<FilterValue>| values.push(FilterValue::Text(value.to_owned()));
    let op = operator.sql();
    match column {
        "person" => {
            text(values);
            format!(
                "IFNULL((SELECT name FROM person WHERE person.id = assignment.person) {op} ?, {})",
                u8::from(operator == Operator::NotEqual)
            )
        }
        "path" => {
            // A photo with several files matches if one of them does, and differs if all do.
            let (not, op) = match operator {
                Operator::NotEqual => ("NOT ", "="),
                _ => ("", op),
            };
            text(values);
            format!(
                "{not}EXISTS (SELECT 1 FROM photo_path JOIN root ON root.id = photo_path.root \
                WHERE photo_path.photo = photo.id AND root.path || '/' || photo_path.path {op} ?)"
            )
        }
        "date" => {
            // The beginning of a date stands for its period: 2019 is the whole year.
            text(values);
            let period = "substr(photo.taken, 1, length(?))";
            if operator == Operator::Like {
                return "IFNULL(photo.taken GLOB ?, 0)".to_owned();
            }
            text(values);
            format!("IFNULL({period} {op} ?, {})", u8::from(operator == Operator::NotEqual))
        }
        _ => {
            let known = match column {
                "origin" => Some("assignment.origin"),
                "state" => Some("photo.state"),
                "sha256" => Some("photo.sha256"),
                "width" => Some("photo.width"),
                "height" => Some("photo.height"),
                "bytes" => Some("photo.bytes"),
                "photo" => Some("photo.id"),
                "face" => Some("item.face"),
                "quality" => Some("item.quality"),
                "score" => Some("item.score"),
                _ => None,
            };
            let is_text = matches!(column, "origin" | "state" | "sha256");
            let number = value.parse::<f64>().ok().filter(|_| operator != Operator::Like && !is_text);
            let side = match known {
                Some(known) => known.to_owned(),
                None => {
                    values.push(FilterValue::Text(column.to_owned()));
                    let side = "(SELECT value FROM attribute WHERE attribute.photo = photo.id AND attribute.name = ?)";
                    if number.is_some() { format!("CAST({side} AS REAL)") } else { side.to_owned() }
                }
            };
            values.push(number.map_or_else(|| FilterValue::Text(value.to_owned()), FilterValue::Number));
            format!("IFNULL({side} {op} ?, {})", u8::from(operator == Operator::NotEqual))
        }
    }
}

/// A word of a filter; a quoted one is never a keyword.
#[derive(Debug, Clone, PartialEq)]
struct Word {
    text: String,
    quoted: bool,
}

fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, length) = if first == '\'' || first == '"' {
            quoted(rest, first)?
        } else if first == '(' || first == ')' {
            (Word { text: first.to_string(), quoted: false }, 1)
        } else if let Some((sign, _)) = Operator::ALL.iter().find(|(sign, _)| rest.starts_with(sign)) {
            (Word { text: (*sign).to_owned(), quoted: false }, sign.len())
        } else {
            let ends = |c: char| c.is_whitespace() || "()=<>!~'\"".contains(c);
            let length = rest.find(ends).unwrap_or(rest.len());
            if length == 0 {
                return Err(format!("unexpected {first:?}"));
            }
            (Word { text: rest[..length].to_owned(), quoted: false }, length)
        };
        words.push(word);
        rest = rest[length..].trim_start();
    }
    Ok(words)
}

/// A text in quotes at the start of `rest`; a doubled quote stands for one.
fn quoted(rest: &str, quote: char) -> Result<(Word, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            text.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            chars.next();
            text.push(quote);
        } else {
            return Ok((Word { text, quoted: true }, at + quote.len_utf8()));
        }
    }
    Err(format!("a text begins with {quote} and does not end"))
}

struct Parser<'a> {
    words: &'a [Word],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.at)
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let is = self.peek().is_some_and(|word| !word.quoted && word.text.eq_ignore_ascii_case(keyword));
        self.at += usize::from(is);
        is
    }

    fn condition(&mut self) -> Result<Node, String> {
        let mut node = self.term()?;
        while self.takes("or") {
            node = Node::Or(Box::new(node), Box::new(self.term()?));
        }
        Ok(node)
    }

    fn term(&mut self) -> Result<Node, String> {
        let mut node = self.factor()?;
        while self.takes("and") {
            node = Node::And(Box::new(node), Box::new(self.factor()?));
        }
        Ok(node)
    }

    fn factor(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("more than {DEEPEST} levels of `not` and parentheses"));
        }
        let node = if self.takes("not") {
            Node::Not(Box::new(self.factor()?))
        } else if self.takes("(") {
            let inner = self.condition()?;
            if !self.takes(")") {
                return Err("a parenthesis is not closed".to_owned());
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node, String> {
        let column = self.word("a column")?.to_lowercase();
        let sign = self.word("an operator such as = or ~")?;
        let operator = Operator::ALL.iter().find(|(name, _)| *name == sign);
        let Some((_, operator)) = operator else {
            return Err(format!("expected an operator after {column}, found {sign:?}"));
        };
        let value = self.word("a value")?;
        Ok(Node::Compare { column, operator: *operator, value })
    }

    fn word(&mut self, what: &str) -> Result<String, String> {
        let word = self.peek().ok_or_else(|| format!("expected {what}, found the end"))?;
        self.at += 1;
        Ok(word.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_binds_closer_than_or() {
        let (sql, values) = Filter::parse("width > 5 or height > 6 and not state = missing").unwrap().sql();
        assert_eq!(
            sql,
            "(IFNULL(photo.width > ?, 0) OR (IFNULL(photo.height > ?, 0) AND (NOT IFNULL(photo.state = ?, 0))))"
        );
        let text = |text: &str| FilterValue::Text(text.to_owned());
        assert_eq!(values, [FilterValue::Number(5.0), FilterValue::Number(6.0), text("missing")]);
    }

    #[test]
    fn quotes_may_contain_anything() {
        let (_, values) = Filter::parse("person = 'O''Brien \" and )'").unwrap().sql();
        assert_eq!(values, [FilterValue::Text("O'Brien \" and )".to_owned())]);
    }

    #[test]
    fn what_is_not_a_condition_is_refused() {
        let deep = format!("{} width = 1", "not ".repeat(1000));
        for bad in [
            "",
            "person",
            "person Anna",
            "= 3",
            "(width = 1",
            "width = 1)",
            "width = 'a",
            "and",
            &deep,
            "a = b c",
        ] {
            let error = Filter::parse(bad).unwrap_err();
            assert!(matches!(error, GalleryError::BadArgument { .. }), "{bad}: {error}");
        }
    }
}
