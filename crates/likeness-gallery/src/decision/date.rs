//! Days: `YYYY-MM-DD` in the Gregorian calendar (ISO 8601).

/// Whether `text` is a day that exists, written as `YYYY-MM-DD`.
///
/// # Examples
///
/// ```
/// use likeness_gallery::decision::is_date;
///
/// assert!(is_date("2024-02-29"));
/// assert!(!is_date("2023-02-29"));
/// assert!(!is_date("29.2.2024"));
/// ```
pub fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shape {
        return false;
    }
    let number = |part: std::ops::Range<usize>| text[part].parse::<u32>().unwrap_or(0);
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    (1..=days_in(year, month)).contains(&day)
}

/// The number of days of a month; 0 if there is no such month.
fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::is_date;

    #[test]
    fn only_days_of_the_calendar_are_dates() {
        for good in ["0001-01-01", "1999-12-31", "2000-02-29", "2024-02-29", "9999-04-30"] {
            assert!(is_date(good), "{good}");
        }
        for bad in [
            "",
            "2024",
            "2024-2-9",
            "2024-00-10",
            "2024-13-01",
            "2024-04-31",
            "1900-02-29",
            "2023-02-29",
            "2024-01-00",
            "2024/01/01",
            "2024-01-01T00:00:00Z",
            " 2024-01-1",
            "2024-01-0é",
            "٢٠٢٤-01-01",
            "-024-01-01",
            "+024-01-01",
        ] {
            assert!(!is_date(bad), "{bad}");
        }
    }
}
