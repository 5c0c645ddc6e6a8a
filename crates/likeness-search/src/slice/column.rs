//! A column of values, one for each row of a table.

/// One value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number; a value that is not finite counts as absent.
    Number(f64),
}

/// A column by which queries are divided into slices.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// One value for each row of the table of queries; `None` or blank text if the row has none.
    pub values: Vec<Option<Value>>,
    /// For numbers, the values at which the ranges begin, ascending; `None` divides them by their quantiles.
    pub cuts: Option<Vec<f64>>,
}

impl Column {
    /// A column of text. Text is read as numbers if every value is a finite number.
    ///
    /// # Examples
    /// ```
    /// use likeness_search::slice::Column;
    /// let column = Column::of_text("age", [Some("31"), None, Some("8.5")]);
    /// assert_eq!(column.numbers(), Some(vec![Some(31.0), None, Some(8.5)]));
    /// assert_eq!(Column::of_text("age", [Some("31"), Some("old")]).numbers(), None);
    /// ```
    pub fn of_text<'a>(name: &str, values: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let text = |value: Option<&str>| value.map(|text| Value::Text(text.to_owned()));
        Self { name: name.to_owned(), values: values.into_iter().map(text).collect(), cuts: None }
    }

    /// A column of numbers.
    pub fn of_numbers(name: &str, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        let number = |value: Option<f64>| value.map(Value::Number);
        Self { name: name.to_owned(), values: values.into_iter().map(number).collect(), cuts: None }
    }

    /// The values as numbers; `None` if there is no value, or one that is not a number.
    pub fn numbers(&self) -> Option<Vec<Option<f64>>> {
        let numbers = self.values.iter().map(|value| match value.as_ref().and_then(Value::present) {
            None => Some(None),
            Some(Present::Number(number)) => Some(Some(number)),
            Some(Present::Text(text)) => {
                text.parse().ok().filter(|number: &f64| number.is_finite()).map(Some)
            }
        });
        let numbers: Vec<Option<f64>> = numbers.collect::<Option<_>>()?;
        numbers.iter().any(Option::is_some).then_some(numbers)
    }
}

/// A value that is not absent.
pub(super) enum Present<'a> {
    Text(&'a str),
    Number(f64),
}

impl Value {
    /// The value without surrounding blanks; `None` for blank text and numbers that are not finite.
    pub(super) fn present(&self) -> Option<Present<'_>> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(Present::Text),
            Self::Number(number) => Some(*number).filter(|number| number.is_finite()).map(Present::Number),
        }
    }
}
