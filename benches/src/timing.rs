//! Who runs when. Contenders take turns, so that a slow moment of the machine befalls all of them,
//! and each one's time is the median of its turns.

use std::io;
use std::time::Duration;

use crate::contenders::Contender;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Turns of each contender, at most.
    pub rounds: usize,
    /// The time that a turn should take, at least.
    pub turn: Duration,
    /// The time for all turns of one contender; it has at least one turn.
    pub total: Duration,
}

/// The times of a contender, in nanoseconds a call.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The median turn.
    pub median: f64,
    /// The fastest turn.
    pub fastest: f64,
    /// How many turns.
    pub rounds: usize,
    /// How many calls a turn.
    pub calls: u64,
}

/// Times all contenders, in turns. A turn starts with a call that is not timed, if that costs
/// little: the others have been in the caches.
///
/// # Errors
/// If a contender fails.
pub fn measure(contenders: &mut [&mut dyn Contender], effort: &Effort) -> io::Result<Vec<Timing>> {
    let mut state: Vec<Turns> = Vec::with_capacity(contenders.len());
    for contender in &mut *contenders {
        state.push(Turns::calibrated(*contender, effort)?);
    }
    for round in 0..effort.rounds {
        for place in 0..contenders.len() {
            // Nobody always follows the same neighbour at the same place.
            let i = (round + if round % 2 == 0 { place } else { contenders.len() - place }) % contenders.len();
            state[i].take(contenders[i], effort)?;
        }
    }
    Ok(state.into_iter().map(Turns::timing).collect())
}

/// What one contender has done so far.
struct Turns {
    calls: u64,
    warm: bool,
    spent: Duration,
    nanoseconds: Vec<f64>,
}

impl Turns {
    /// Finds how many calls fill a turn.
    fn calibrated(contender: &mut dyn Contender, effort: &Effort) -> io::Result<Self> {
        let mut calls = 1;
        let mut time = contender.run(calls)?;
        while time < effort.turn / 2 {
            calls *= 2;
            time = contender.run(calls)?;
        }
        let call = time.as_secs_f64() / calls as f64;
        let calls = ((effort.turn.as_secs_f64() / call).ceil() as u64).max(1);
        // A call that takes much longer than a turn has filled the caches before it is half done.
        let mut turns = Self { calls, warm: time < effort.turn * 4, spent: Duration::ZERO, nanoseconds: Vec::new() };
        // One that takes longer than all turns may is not repeated.
        if time >= effort.total {
            turns.count(time);
        }
        Ok(turns)
    }

    fn take(&mut self, contender: &mut dyn Contender, effort: &Effort) -> io::Result<()> {
        if !self.nanoseconds.is_empty() && self.spent >= effort.total {
            return Ok(());
        }
        if self.warm {
            self.spent += contender.run(1)?;
        }
        let time = contender.run(self.calls)?;
        self.count(time);
        Ok(())
    }

    fn count(&mut self, time: Duration) {
        self.spent += time;
        self.nanoseconds.push(time.as_secs_f64() * 1e9 / self.calls as f64);
    }

    fn timing(mut self) -> Timing {
        self.nanoseconds.sort_by(f64::total_cmp);
        let rounds = self.nanoseconds.len();
        let median = 0.5 * (self.nanoseconds[(rounds - 1) / 2] + self.nanoseconds[rounds / 2]);
        Timing { median, fastest: self.nanoseconds[0], rounds, calls: self.calls }
    }
}
