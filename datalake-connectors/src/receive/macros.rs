//! What the builders and the sources of all kinds of receivers repeat.

/// The setters of the [`Settings`](super::Settings) in a builder's member `settings`.
macro_rules! setters {
    (path: $path:literal, max_body: $max_body:literal, commit_timeout: $commit_timeout:literal $(,)?) => {
        #[doc = concat!("Receives events at a path, for instance `", $path, "`. Call it again for more.")]
        pub fn path(mut self, path: impl Into<String>) -> Self {
            self.settings.paths.push(path.into());
            self
        }

        $crate::receive::setters! { max_body: $max_body, commit_timeout: $commit_timeout }
    };
    (max_body: $max_body:literal, commit_timeout: $commit_timeout:literal $(,)?) => {
        /// Answers `GET` at a path with 200 while the receiver is open, for the health check of a load balancer.
        pub fn health(mut self, path: impl Into<String>) -> Self {
            self.settings.health = Some(path.into());
            self
        }

        #[doc = concat!(
            "The longest body in bytes, as sent and without its content encoding. ", $max_body, " by default."
        )]
        pub fn max_body(mut self, bytes: usize) -> Self {
            self.settings.max_body = bytes;
            self
        }

        /// How many requests may be under way, received and not yet committed. 1,000 by default; a sender of more is
        /// answered 503.
        pub fn queue(mut self, requests: usize) -> Self {
            self.settings.queue = requests;
            self
        }

        /// How many bytes of bodies may be under way, being read or not yet committed. 64 MiB by default; a sender of
        /// more is answered 503.
        pub fn queue_bytes(mut self, bytes: usize) -> Self {
            self.settings.queue_bytes = bytes;
            self
        }

        /// How many connections may be open. 1,024 by default; more wait to be accepted.
        pub fn connections(mut self, connections: usize) -> Self {
            self.settings.connections = connections;
            self
        }

        /// How long a sender may take to send the head of a request, and again for its body. 10 s by default.
        pub fn read_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.settings.read_timeout = timeout;
            self
        }

        #[doc = concat!(
            "How long a request waits for its commit before it is answered 503. ", $commit_timeout,
            " by default; keep it below the patience of the sender."
        )]
        pub fn commit_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.settings.commit_timeout = timeout;
            self
        }

        /// How long a request waits for others to share its commit. 25 ms by default; longer makes fewer and larger
        /// commits, and slower answers.
        pub fn commit_within(mut self, time: std::time::Duration) -> Self {
            self.settings.commit_within = time;
            self
        }
    };
}

/// The source around an [`Inbox`](super::Inbox) in a member `inbox`, with what it says of itself in `info`.
macro_rules! source {
    ($source:ty) => {
        $crate::receive::source!($source, decoders: []);
    };
    ($source:ty, decoders: [$($decoder:expr),*]) => {
        impl $source {
            /// The address it listens on.
            #[must_use]
            pub fn local_addr(&self) -> std::net::SocketAddr {
                self.inbox.local()
            }
        }

        #[datalake_core::async_trait]
        impl datalake_core::Source for $source {
            fn info(&self) -> &datalake_core::SourceInfo {
                &self.info
            }

            fn decoders(&self) -> Vec<std::sync::Arc<dyn datalake_core::split::Decoder>> {
                vec![$($decoder),*]
            }

            async fn next_batch(&mut self) -> datalake_core::Result<datalake_core::Next> {
                self.inbox.next_batch().await
            }

            /// Accepts every position of a receiver, and goes on with what is new. Senders whose requests were given
            /// and not committed go on waiting: the engine keeps those itself.
            async fn seek(
                &mut self,
                position: Option<&datalake_core::Position>,
            ) -> datalake_core::Result<()> {
                self.inbox.seek(position)
            }

            async fn commit(&mut self, position: &datalake_core::Position) -> datalake_core::Result<()> {
                self.inbox.commit(position)
            }

            fn remaining(&self) -> datalake_core::Remaining {
                self.inbox.remaining()
            }

            async fn close(&mut self) -> datalake_core::Result<()> {
                self.inbox.close().await
            }
        }
    };
}

pub(crate) use {setters, source};
