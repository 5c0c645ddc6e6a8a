//! The current date.

use std::time::{SystemTime, UNIX_EPOCH};

/// The current date in UTC, as YYYY-MM-DD.
pub(crate) fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    date(seconds / 86_400)
}

/// The date of a day, counted from 1 January 1970, in the Gregorian calendar.
///
/// Hinnant, chrono-Compatible Low-Level Date Algorithms (2021), civil_from_days: years begin on 1 March, so that the day of a leap
/// year is the last one.
fn date(days: u64) -> String {
    let days = days + 719_468; // from 1 March of year 0
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + 400 * era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let days = [0, 58, 59, 789, 790, 11_016, 11_017, 20_787, 47_540, 47_541];
        let dates = [
            "1970-01-01",
            "1970-02-28",
            "1970-03-01",
            "1972-02-29",
            "1972-03-01",
            "2000-02-29",
            "2000-03-01",
            "2026-11-30",
            "2100-02-28",
            "2100-03-01",
        ];
        for (days, expected) in days.into_iter().zip(dates) {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}
