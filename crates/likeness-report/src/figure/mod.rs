//! Charts of an evaluation report: inline SVG drawings with one palette for light and dark pages.
