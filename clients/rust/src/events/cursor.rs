use crate::proto::EphemeralPosition;

/// How far a reader has come in a thread's log.
pub(super) struct Cursor {
    after: u64,
    /// The last ephemeral event: the durable event before it, and its place after that.
    ephemeral: (u64, u64, u64),
}

impl Cursor {
    pub(super) fn new(after: u64) -> Cursor {
        Cursor { after, ephemeral: (0, 0, 0) }
    }

    /// The number of the last durable event: what to ask a new stream to begin after.
    pub(super) fn after(&self) -> u64 {
        self.after
    }

    /// Moves on to an event. False for one that is behind already, which another stream has brought before. Only durable
    /// events move what is asked for next: nothing an ephemeral one says can make a durable one be missed.
    pub(super) fn accept(&mut self, number: u64, ephemeral: Option<&EphemeralPosition>) -> bool {
        let Some(EphemeralPosition { epoch, sub_number }) = ephemeral else {
            let is_new = number > self.after;
            self.after = self.after.max(number);
            return is_new;
        };
        let position = (number, *epoch, *sub_number);
        let is_new = number >= self.after && position > self.ephemeral;
        if is_new {
            self.ephemeral = position;
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_accepted_once_and_in_order() {
        let at = |epoch, sub_number| EphemeralPosition { epoch, sub_number };
        let mut cursor = Cursor::new(3);
        assert!(!cursor.accept(3, None));
        assert!(cursor.accept(4, None));
        assert!(cursor.accept(4, Some(&at(1, 1))));
        assert!(cursor.accept(4, Some(&at(1, 2))));
        assert!(!cursor.accept(4, Some(&at(1, 2))));
        assert!(cursor.accept(4, Some(&at(2, 1))));
        assert!(cursor.accept(9, Some(&at(2, 1))));
        assert_eq!(cursor.after(), 4);
        assert!(cursor.accept(6, None));
        assert!(!cursor.accept(5, Some(&at(9, 9))));
    }
}
