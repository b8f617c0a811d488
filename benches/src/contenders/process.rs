//! A contender in another process: a Python script, which measures its own calls while everybody
//! else waits.
//!
//! One line a request, one line a reply: the script says `ready NAME`; `load PATH ORDERING ALPHA R`
//! names a file of f32 losses (reply `ok`), `run CALLS` is answered with nanoseconds, `answer PATH`
//! writes the f64 weights (reply: the loss, or `nan`).

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::Contender;
use crate::problem::{Answer, Budgets};

/// The process.
pub struct Process {
    name: String,
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
    /// Where vectors are handed over; removed at the end.
    file: PathBuf,
}

impl Process {
    /// Starts a script; `None` if there is no such interpreter, or the script cannot import what it
    /// needs.
    #[must_use]
    pub fn start(interpreter: &Path, script: &Path, arguments: &[&str]) -> Option<Self> {
        let mut child = Command::new(interpreter)
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let requests = child.stdin.take()?;
        let replies = BufReader::new(child.stdout.take()?);
        let file = std::env::temp_dir().join(format!("hr-weights-bench-{}", child.id()));
        let mut process = Self { name: String::new(), child, requests, replies, file };
        let greeting = process.reply().ok()?;
        greeting.strip_prefix("ready ")?.clone_into(&mut process.name);
        Some(process)
    }

    /// What the script calls itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hands over the next problem.
    ///
    /// # Errors
    /// If the file cannot be written, or the script refuses.
    pub fn load(&mut self, losses: &[f32], budgets: &Budgets) -> io::Result<()> {
        let bytes: Vec<u8> = losses.iter().flat_map(|loss| loss.to_ne_bytes()).collect();
        fs::write(&self.file, bytes)?;
        let Budgets { ordering, alpha, r } = budgets;
        let request = format!("load {} {ordering} {alpha} {r}", self.file.display());
        self.request(&request).map(drop)
    }

    fn request(&mut self, line: &str) -> io::Result<String> {
        writeln!(self.requests, "{line}")?;
        self.requests.flush()?;
        self.reply()
    }

    fn reply(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.replies.read_line(&mut line)? == 0 {
            return Err(io::Error::other(format!("{} ended", self.name)));
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Contender for Process {
    fn run(&mut self, calls: u64) -> io::Result<Duration> {
        let reply = self.request(&format!("run {calls}"))?;
        reply.parse().map(Duration::from_nanos).map_err(io::Error::other)
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let request = format!("answer {}", self.file.display());
        let loss: f64 = self.request(&request)?.parse().map_err(io::Error::other)?;
        let bytes = fs::read(&self.file)?;
        let weights = bytes.as_chunks().0.iter().map(|bytes| f64::from_ne_bytes(*bytes)).collect();
        Ok(Answer { weights, loss: Some(loss).filter(|loss| !loss.is_nan()), multipliers: None })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.file);
    }
}
