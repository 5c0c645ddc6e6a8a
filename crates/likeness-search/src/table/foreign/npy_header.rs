//! Parses the header of an array in NumPy's format, a Python dictionary of three entries.

use super::Fault;

/// The type of an array's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// Floats of 2, 4 or 8 bytes.
    Float(usize),
    /// Integers of 1, 2, 4 or 8 bytes.
    Signed(usize),
    /// Non-negative integers of 1, 2, 4 or 8 bytes.
    Unsigned(usize),
    /// Texts of at most so many characters of 4 bytes.
    Unicode(usize),
    /// Texts of at most so many bytes.
    Bytes(usize),
}

impl Element {
    /// Number of bytes of one value.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Float(bytes) | Self::Signed(bytes) | Self::Unsigned(bytes) | Self::Bytes(bytes) => bytes,
            Self::Unicode(characters) => characters.saturating_mul(4),
        }
    }
}

/// Maximum length of a header. NumPy itself rejects headers of more than 10,000 bytes by default.
pub(super) const MAX_BYTES: usize = 1 << 16;

/// The header of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The type of the values, without the byte order.
    kind: String,
    /// Whether the highest byte of a value comes first.
    pub(super) big_endian: bool,
    /// Whether the values are column-major.
    pub(super) fortran_order: bool,
    /// The shape of the array.
    pub(super) shape: Vec<usize>,
    /// Number of bytes before the values.
    pub(super) length: u64,
}

impl Header {
    /// Parses the dictionary; `length` is the number of bytes before the values.
    pub(super) fn parse(text: &str, length: u64) -> Result<Self, Fault> {
        let mut parser = Parser { rest: text };
        let (mut kind, mut fortran_order, mut shape) = (None, None, None);
        parser.expect('{')?;
        while !parser.takes('}') {
            let key = parser.string()?;
            parser.expect(':')?;
            match key {
                "descr" => kind = Some(parser.kind()?),
                "fortran_order" => fortran_order = Some(parser.boolean()?),
                "shape" => shape = Some(parser.shape()?),
                _ => return Err(bad(&format!("unknown key {key:?}"))),
            }
            if !parser.takes(',') {
                parser.expect('}')?;
                break;
            }
        }
        let (Some(kind), Some(fortran_order), Some(shape)) = (kind, fortran_order, shape) else {
            return Err(bad("expected the keys descr, fortran_order and shape"));
        };
        let big_endian = match kind.chars().next() {
            Some('>') => true,
            Some('=') => cfg!(target_endian = "big"),
            _ => false,
        };
        let kind = kind.trim_start_matches(['<', '>', '|', '=']).to_owned();
        Ok(Self { kind, big_endian, fortran_order, shape, length })
    }

    /// The type of the values.
    ///
    /// # Errors        Python objects, and types that hold neither floats nor texts nor integers
    pub(super) fn element(&self) -> Result<Element, Fault> {
        let mut letters = self.kind.chars();
        let letter = letters.next();
        let size = letters.as_str().parse::<usize>();
        match (letter, size) {
            (Some('O'), _) => Err(Fault::Objects { is_matrix: true }),
            (Some('f'), Ok(bytes @ (2 | 4 | 8))) => Ok(Element::Float(bytes)),
            (Some('i'), Ok(bytes @ (1 | 2 | 4 | 8))) => Ok(Element::Signed(bytes)),
            (Some('u'), Ok(bytes @ (1 | 2 | 4 | 8))) => Ok(Element::Unsigned(bytes)),
            (Some('U'), Ok(characters)) => Ok(Element::Unicode(characters)),
            (Some('S' | 'a'), Ok(bytes)) => Ok(Element::Bytes(bytes)),
            _ => Err(self.bad_type("floats, texts or whole numbers")),
        }
    }

    /// Number of rows and values per row of a matrix; an array of one dimension is one row.
    ///
    /// # Errors        another number of dimensions, no rows, no values
    pub(super) fn matrix_shape(&self) -> Result<(usize, usize), Fault> {
        match self.shape[..] {
            [dimension] if dimension > 0 => Ok((1, dimension)),
            [rows, dimension] if rows > 0 && dimension > 0 => Ok((rows, dimension)),
            [_] | [_, _] => Err(Fault::Empty),
            _ => Err(Fault::BadShape {
                expected: "an array of the shape [n, d] or [d]",
                found: self.shape.clone(),
            }),
        }
    }

    /// Number of entries of a list; an array without dimensions has one entry.
    ///
    /// # Errors        several dimensions
    pub(super) fn list_length(&self) -> Result<usize, Fault> {
        match self.shape[..] {
            [] => Ok(1),
            [count] => Ok(count),
            _ => Err(Fault::BadShape { expected: "one entry for each embedding", found: self.shape.clone() }),
        }
    }

    /// Whether the array is a matrix of floats.
    pub(super) fn is_matrix(&self) -> bool {
        self.shape.len() == 2 && matches!(self.element(), Ok(Element::Float(_)))
    }

    /// Number of bytes of the values.
    ///
    /// # Errors        more than can be addressed
    pub(super) fn data_bytes(&self) -> Result<u64, Fault> {
        let too_large = || Fault::TooLarge { shape: self.shape.clone() };
        let bytes = self.element()?.bytes();
        let total = self.shape.iter().try_fold(bytes, |total, &side| total.checked_mul(side));
        total.filter(|&total| isize::try_from(total).is_ok()).map(|total| total as u64).ok_or_else(too_large)
    }

    /// The error for an array of another type than `expected`.
    pub(super) fn bad_type(&self, expected: &'static str) -> Fault {
        Fault::BadType { expected, found: self.kind.clone() }
    }
}

fn bad(reason: &str) -> Fault {
    Fault::BadHeader { reason: reason.to_owned() }
}

/// Reads the parts of a Python literal.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn takes(&mut self, expected: char) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, expected: char) -> Result<(), Fault> {
        if self.takes(expected) { Ok(()) } else { Err(bad(&format!("expected {expected:?}"))) }
    }

    fn string(&mut self) -> Result<&'a str, Fault> {
        let quote = if self.takes('"') { '"' } else { '\'' };
        if quote == '\'' {
            self.expect(quote)?;
        }
        let (text, rest) = self.rest.split_once(quote).ok_or_else(|| bad("a text does not end"))?;
        self.rest = rest;
        Ok(text)
    }

    /// The type of the values. A list describes a structured array.
    fn kind(&mut self) -> Result<String, Fault> {
        if self.rest.trim_start().starts_with('[') {
            let expected = "floats, texts or whole numbers";
            return Err(Fault::BadType { expected, found: "of several named fields".to_owned() });
        }
        self.string().map(str::to_owned)
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        self.rest = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(bad("expected True or False"))
    }

    fn shape(&mut self) -> Result<Vec<usize>, Fault> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.takes(')') {
            self.rest = self.rest.trim_start();
            let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at(end);
            shape.push(digits.parse().map_err(|_| bad("expected a shape of whole numbers"))?);
            // Python 2 wrote long integers with an L.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if !self.takes(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header, Fault> {
        Header::parse(text, 0)
    }

    #[test]
    fn headers_of_numpy_are_parsed() {
        let header = parse("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 128), }   \n").unwrap();
        assert_eq!((header.element(), header.big_endian), (Ok(Element::Float(8)), false));
        assert_eq!((header.matrix_shape(), header.data_bytes()), (Ok((3, 128)), Ok(3072)));
        let header = parse("{'descr': '>U5', 'fortran_order': True, 'shape': (3L,)}").unwrap();
        assert_eq!((header.element(), header.big_endian), (Ok(Element::Unicode(5)), true));
        assert_eq!((header.list_length(), header.data_bytes(), header.is_matrix()), (Ok(3), Ok(60), false));
        let scalar = parse("{'descr': '|S4', 'fortran_order': False, 'shape': ()}").unwrap();
        assert_eq!((scalar.list_length(), scalar.data_bytes()), (Ok(1), Ok(4)));
    }

    #[test]
    fn other_headers_are_rejected() {
        let of = |kind: &str, shape: &str| {
            parse(&format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}"))
        };
        assert_eq!(of("|O", "(3,)").unwrap().element(), Err(Fault::Objects { is_matrix: true }));
        for kind in ["<f16", "<c8", "|b1", "<M8[ns]", "", "<f", "<U-1", "<f99999999999999999999"] {
            assert!(matches!(of(kind, "(3,)").unwrap().element(), Err(Fault::BadType { .. })), "{kind}");
        }
        let huge = of("<f4", "(4611686018427387904, 4)").unwrap();
        assert!(matches!(huge.data_bytes(), Err(Fault::TooLarge { .. })));
        for shape in ["(0, 128)", "(3, 0)", "(0,)"] {
            assert_eq!(of("<f4", shape).unwrap().matrix_shape(), Err(Fault::Empty), "{shape}");
        }
        assert!(matches!(of("<f4", "(1, 2, 3)").unwrap().matrix_shape(), Err(Fault::BadShape { .. })));
        for text in
            ["", "{", "{'descr'", "{'descr': '<f4'}", "{'x': 1}", "{'descr': '<f4", "{'shape': (1 2)}"]
        {
            assert!(matches!(parse(text), Err(Fault::BadHeader { .. })), "{text}");
        }
        for shape in ["3", "(-1,)", "(99999999999999999999,)", "(1.5,)", "(3"] {
            assert!(matches!(of("<f4", shape), Err(Fault::BadHeader { .. })), "{shape}");
        }
        let fields = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}";
        assert!(matches!(parse(fields), Err(Fault::BadType { .. })));
    }
}
