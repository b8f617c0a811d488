//! Reads `tests/data/high_precision.txt`: problems solved to 50 digits. Blocks are separated by
//! blank lines; a line is a key and its values. `none` stands for an absent input and for a number
//! that the problem does not determine.

use super::Problem;
use hr_weights::Ordering;
use std::collections::HashMap;

/// One problem and its exact answer, rounded to `f64`.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) case: String,
    /// Whether it is of the kind that training meets.
    pub(crate) ordinary: bool,
    /// The input.
    pub(crate) problem: Problem,
    /// `sum p l + p0 w`.
    pub(crate) robust_loss: f64,
    /// 1e-13 of the span, which itself may overflow.
    pub(crate) tiny_span: f64,
    /// Weight of each sample.
    pub(crate) weights: Vec<f64>,
    /// Weight of the worst-case atom.
    pub(crate) worst_weight: f64,
    /// Dual location `w + u`.
    pub(crate) eta: Option<f64>,
    /// The loss at which the total-variation budget is used up.
    pub(crate) trim: Option<f64>,
    /// Derivative of the robust loss in `alpha`.
    pub(crate) d_alpha: Option<f64>,
    /// Derivative of the robust loss in `r`.
    pub(crate) d_r: Option<f64>,
    /// Kullback-Leibler budget spent.
    pub(crate) kl: Option<f64>,
    /// Total-variation budget spent.
    pub(crate) tv: Option<f64>,
}

/// All rows of the table.
pub(crate) fn rows() -> Vec<Row> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/high_precision.txt");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let rows: Vec<Row> = text.split("\n\n").filter(|block| !block.trim().is_empty()).map(row).collect();
    assert!(!rows.is_empty(), "{path} is empty");
    rows
}

/// One block.
fn row(block: &str) -> Row {
    let fields: HashMap<&str, &str> = block.lines().map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
    let field = |key: &str| *fields.get(key).unwrap_or_else(|| panic!("no {key} in the block\n{block}"));
    let optional = |key: &str| (field(key) != "none").then(|| number(field(key)));
    let given = number(field("worst_loss"));
    Row {
        case: field("case").to_owned(),
        ordinary: match field("kind") {
            "ordinary" => true,
            "extreme" => false,
            other => panic!("kind {other}"),
        },
        problem: Problem {
            losses: numbers(field("losses")),
            base: (field("base") != "none").then(|| numbers(field("base"))),
            alpha: number(field("alpha")),
            r: number(field("r")),
            ordering: match field("ordering") {
                "HD" => Ordering::Hd,
                "HR" => Ordering::Hr,
                other => panic!("ordering {other}"),
            },
            worst_loss: (!given.is_nan()).then_some(given),
        },
        robust_loss: number(field("robust_loss")),
        tiny_span: number(&shifted(field("span"), -13)),
        weights: numbers(field("weights")),
        worst_weight: number(field("worst_weight")),
        eta: optional("eta"),
        trim: optional("trim"),
        d_alpha: optional("d_alpha"),
        d_r: optional("d_r"),
        kl: optional("kl"),
        tv: optional("tv"),
    }
}

/// A decimal number times a power of ten, as text: it need not be in the range of `f64`.
fn shifted(text: &str, by: i32) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    format!("{digits}e{}", exponent + by)
}

/// The nearest `f64`.
fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Numbers separated by blanks.
fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().map(number).collect()
}
