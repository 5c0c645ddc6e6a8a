//! The evaluation report: its data, and the page, Markdown and JSON that are written of it.
