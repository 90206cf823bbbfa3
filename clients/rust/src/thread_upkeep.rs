//! What is done to a thread besides running it.
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tonic::Code;

use crate::error::Result;
use crate::method;
use crate::pages::Pages;
use crate::proto;
use crate::run_info::RunInfo;
use crate::run_options::metadata_bytes;
use crate::thread::Thread;
use crate::thread_info::ThreadInfo;
use crate::time::duration;

impl Thread {
    /// Reads what the server knows of a run.
    ///
    /// # Errors
    /// `NotFound` (`RUN_NOT_FOUND`).
    pub async fn run_info(&self, run_id: &str) -> Result<RunInfo> {
        self.get_run(run_id, false).await
    }

    /// Waits until a run has stopped, as long as runs may take. A lost connection is taken up again.
    ///
    /// # Errors
    /// `NotFound` (`RUN_NOT_FOUND`), `DeadlineExceeded`.
    pub async fn wait_for_run(&self, run_id: &str) -> Result<RunInfo> {
        let patient = self.client().with_deadline(self.client().run_deadline());
        Thread::new(self.id().to_owned(), patient).get_run(run_id, true).await
    }

    async fn get_run(&self, run_id: &str, wait: bool) -> Result<RunInfo> {
        let request = proto::GetRunRequest { thread_id: self.id().to_owned(), run_id: run_id.to_owned(), wait };
        Ok(self.client().call(&method::GET_RUN, request).await?.run.unwrap_or_default().into())
    }

    /// The thread's runs, newest first.
    #[must_use]
    pub fn runs(&self) -> Pages<RunInfo> {
        let thread = self.clone();
        Pages::new(move |page_token| {
            let client = thread.client().clone();
            let request = proto::ListRunsRequest { thread_id: thread.id().to_owned(), page_token, page_size: 0 };
            async move {
                let page = client.call(&method::LIST_RUNS, request).await?;
                Ok((page.runs.into_iter().map(RunInfo::from).collect(), page.next_page_token))
            }
        })
    }

    /// Cancels a run that is going or waits for its turn. Returns how it stands: one that had stopped stays as it was.
    /// `graceful`: the superstep that is going ends first.
    ///
    /// # Errors
    /// `NotFound` (`RUN_NOT_FOUND`).
    pub async fn cancel(&self, run_id: &str, graceful: bool) -> Result<RunInfo> {
        let request = proto::CancelRunRequest { thread_id: self.id().to_owned(), run_id: run_id.to_owned(), graceful };
        Ok(self.client().call(&method::CANCEL_RUN, request).await?.run.unwrap_or_default().into())
    }

    /// Reads what the server knows of the thread.
    ///
    /// # Errors
    /// `NotFound` (`THREAD_NOT_FOUND`).
    pub async fn info(&self) -> Result<ThreadInfo> {
        let request = proto::GetThreadRequest { thread_id: self.id().to_owned() };
        Ok(self.client().call(&method::GET_THREAD, request).await?.thread.unwrap_or_default().into())
    }

    /// Creates the thread if there is none. Returns whether it was created. Metadata of an existing one stay.
    ///
    /// # Errors
    /// `InvalidArgument` for metadata that JSON can't hold.
    pub async fn ensure<M: Serialize + ?Sized>(&self, metadata: &M) -> Result<bool> {
        let request = proto::CreateThreadRequest {
            thread_id: self.id().to_owned(),
            metadata: metadata_bytes(metadata)?,
            ..Default::default()
        };
        match self.client().call(&method::CREATE_THREAD, request).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Code::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Copies the thread, as it is now, with its whole history to a new one that shares nothing with it, and returns that.
    /// Without an id the server makes one.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists` (`THREAD_EXISTS`).
    pub async fn copy(&self, new_id: Option<&str>) -> Result<Thread> {
        let request = proto::CopyThreadRequest {
            thread_id: self.id().to_owned(),
            new_thread_id: new_id.unwrap_or_default().to_owned(),
            ..Default::default()
        };
        let copied = self.client().call(&method::COPY_THREAD, request).await?.thread.unwrap_or_default();
        Ok(Thread::new(copied.id, self.client().clone()))
    }

    /// Removes old checkpoints but the newest `keep` of each namespace (at least 1) and those put since `older_than`, and
    /// the events up to the last of them; what those that stay need stays. Returns how many were removed.
    ///
    /// # Errors
    /// `NotFound`, `Aborted` (`THREAD_BUSY`).
    pub async fn prune(&self, keep: u32, older_than: Option<SystemTime>) -> Result<u64> {
        let request = proto::PruneThreadsRequest {
            thread_ids: vec![self.id().to_owned()],
            keep,
            older_than: older_than.map(Into::into),
            ..Default::default()
        };
        Ok(self.client().call(&method::PRUNE_THREADS, request).await?.pruned_checkpoints)
    }

    /// Says how long the thread lives after its last change, of which this is one; `None`: for ever. Once that is over it is
    /// deleted, unless a run is going.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for less than a second or more than 100 years.
    pub async fn set_ttl(&self, ttl: Option<Duration>) -> Result<ThreadInfo> {
        let request = proto::UpdateThreadRequest {
            thread_id: self.id().to_owned(),
            ttl: Some(duration(ttl.unwrap_or_default())),
            ..Default::default()
        };
        Ok(self.client().call(&method::UPDATE_THREAD, request).await?.thread.unwrap_or_default().into())
    }

    /// Deletes the thread with everything in it; ends a run that is going. Returns whether there was one.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn delete(&self) -> Result<bool> {
        let request = proto::DeleteThreadRequest { thread_id: self.id().to_owned(), ..Default::default() };
        Ok(self.client().call(&method::DELETE_THREAD, request).await?.existed)
    }
}
