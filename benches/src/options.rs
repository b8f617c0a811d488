//! What the command line of the table asks for, and how much is measured.

use std::path::PathBuf;
use std::time::Duration;

use crate::timing::Effort;

/// What the command line asks for.
pub struct Options {
    /// Tiny sizes: the results are checked, the times mean little.
    pub quick: bool,
    /// Also 10^8 losses, which takes some 10 GB.
    pub huge: bool,
    /// The shared library.
    pub library: PathBuf,
    /// An interpreter that may be able to import torch.
    pub python: Option<PathBuf>,
    /// An interpreter that can import the authors' package.
    pub authors: Option<PathBuf>,
    /// Where to write the rows.
    pub csv: Option<PathBuf>,
    /// How to make this table again, for the CSV.
    pub command: String,
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// If one is unknown or lacks its value.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            quick: false,
            huge: false,
            library: "target/release/libhr_weights.so".into(),
            python: None,
            authors: None,
            csv: None,
            command: "table".to_owned(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--huge" => options.huge = true,
                "--library" => options.library = value()?.into(),
                "--python" => options.python = Some(value()?.into()),
                "--authors" => options.authors = Some(value()?.into()),
                "--csv" => options.csv = Some(value()?.into()),
                "--command" => options.command = value()?,
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        Ok(options)
    }

    /// The sizes of the main table.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        if self.quick {
            return vec![1, 37, 128, 1000];
        }
        let mut sizes = vec![32, 128, 512, 1024, 2048, 4096, 16_384, 100_000, 1_000_000, 10_000_000];
        if self.huge {
            sizes.push(100_000_000);
        }
        sizes
    }

    /// The sizes at which other budgets and losses are tried.
    #[must_use]
    pub fn cliff_sizes(&self) -> &'static [usize] {
        if self.quick { &[37, 1000, 100_000] } else { &[128, 4096, 1_000_000] }
    }

    /// How much of everybody is measured on the headline problem.
    #[must_use]
    pub fn effort(&self) -> Effort {
        if self.quick {
            Effort { rounds: 3, turn: Duration::from_micros(200), total: Duration::from_millis(20) }
        } else {
            Effort { rounds: 41, turn: Duration::from_millis(2), total: Duration::from_millis(800) }
        }
    }

    /// How much of the solver is measured on other budgets and losses.
    #[must_use]
    pub fn cliff_effort(&self) -> Effort {
        if self.quick {
            self.effort()
        } else {
            Effort { rounds: 21, turn: Duration::from_millis(1), total: Duration::from_millis(200) }
        }
    }
}
