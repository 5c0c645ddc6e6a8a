//! Parsers of numeric flags with bounds. clap adds the name of the flag to their errors.

/// Parses a number from `least` to `most`, both included; rejects NaN and infinities.
pub(super) fn number(least: f64, most: f64) -> impl Fn(&str) -> Result<f64, String> + Clone {
    move |text| match text.parse::<f64>() {
        Ok(value) if value.is_finite() && (least..=most).contains(&value) => Ok(value),
        Ok(_) if least.is_finite() => Err(format!("expected a number from {least} to {most}")),
        _ => Err("expected a number".to_owned()),
    }
}

/// Parses a number as [`number`] does, in single precision.
pub(super) fn single(least: f64, most: f64) -> impl Fn(&str) -> Result<f32, String> + Clone {
    let parse = number(least, most);
    move |text| match parse(text)? as f32 {
        value if value.is_finite() => Ok(value),
        _ => Err("expected a number".to_owned()),
    }
}

/// Parses a count of one or more.
pub(super) fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected 1 or more".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(error.to_string()),
    }
}
