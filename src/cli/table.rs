//! Lists for people (columns) and for programs (`--json`).

use serde_json::Value;

/// Columns as wide as their widest cell; the last one runs free. `empty` is said when there are no rows.
pub(super) fn columns(head: &[&str], rows: &[Vec<String>], empty: &str) -> String {
    if rows.is_empty() {
        return format!("{empty}\n");
    }
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(&mut head.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// One array, indented.
pub(super) fn json(items: Vec<Value>) -> String {
    format!("{:#}\n", Value::Array(items))
}

/// Hours, minutes and seconds.
pub(super) fn length(duration: std::time::Duration) -> String {
    let secs = duration.as_secs();
    format!("{}:{:02}:{:02}", secs / 3_600, secs / 60 % 60, secs % 60)
}
