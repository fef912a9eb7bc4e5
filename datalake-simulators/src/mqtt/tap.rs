//! The line between a client and its broker.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::packet;

/// A line that can be cut, listened in on, or answered from. It ends when it is dropped.
#[derive(Debug)]
pub struct Tap {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    broker: SocketAddr,
    /// What is answered in the broker's place, to who says CONNECT: nothing, and the line is cut, or these bytes.
    instead: Mutex<Option<Vec<u8>>>,
    /// Every packet of the client that came through, by its first byte and the packet id of an acknowledgement.
    heard: watch::Sender<Vec<(u8, u16)>>,
    /// How often the line was cut, and after how many packets of the client it cuts itself.
    cuts: watch::Sender<u64>,
    cut_before: Mutex<Option<u8>>,
}

impl Tap {
    /// A line to a broker.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn new(broker: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            broker,
            instead: Mutex::new(None),
            heard: watch::Sender::new(Vec::new()),
            cuts: watch::Sender::new(0),
            cut_before: Mutex::new(None),
        });
        let served = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(line(client, Arc::clone(&served)));
            }
        });
        Ok(Self { address, state, task })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the line for everybody who is connected.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Cuts the line now, and again for each who connects, after these bytes as the answer to CONNECT; none for a line that
    /// is dead. `None` mends it.
    pub fn answer(&self, bytes: Option<&[u8]>) {
        *self.state.instead.lock().unwrap_or_else(PoisonError::into_inner) = bytes.map(<[u8]>::to_vec);
        self.cut();
    }

    /// Cuts the line when a client is about to send a packet of this kind, which the broker then does not get: 4 for
    /// PUBACK, 5 for PUBREC, 7 for PUBCOMP. Once.
    ///
    /// The broker can still write what it is writing. Mosquitto 2.0.11 otherwise breaks the protocol: if its connection
    /// breaks while it sends PUBRELs again, it sends the rest of those messages as PUBLISH the next time.
    pub fn cut_before(&self, kind: u8) {
        *self.state.cut_before.lock().unwrap_or_else(PoisonError::into_inner) = Some(kind);
    }

    /// Waits until clients have sent so many packets of a kind in all, and gives their packet ids.
    pub async fn heard(&self, kind: u8, packets: usize) -> Vec<u16> {
        let of = |heard: &Vec<(u8, u16)>| {
            heard.iter().filter(|(first, _)| first >> 4 == kind).map(|(_, id)| *id).collect::<Vec<_>>()
        };
        let mut heard = self.state.heard.subscribe();
        match heard.wait_for(|heard| of(heard).len() >= packets).await {
            Ok(heard) => of(&heard),
            Err(_) => Vec::new(),
        }
    }

    /// The same as a future that owns what it needs.
    pub fn hears(&self, kind: u8, packets: usize) -> impl Future<Output = ()> + Send + use<> {
        let mut heard = self.state.heard.subscribe();
        async move {
            let of = |heard: &Vec<(u8, u16)>| heard.iter().filter(|(first, _)| first >> 4 == kind).count();
            if heard.wait_for(|heard| of(heard) >= packets).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// How many packets of a kind clients have sent so far.
    #[must_use]
    pub fn count(&self, kind: u8) -> usize {
        self.state.heard.borrow().iter().filter(|(first, _)| first >> 4 == kind).count()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn line(mut client: TcpStream, state: Arc<State>) {
    let mut cuts = state.cuts.subscribe();
    let instead = state.instead.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let both = async {
        if let Some(bytes) = instead {
            packet::read(&mut client).await?;
            client.write_all(&bytes).await?;
            return client.shutdown().await;
        }
        let mut broker = TcpStream::connect(state.broker).await?;
        client.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        let (mut from_client, mut to_client) = client.split();
        let (mut from_broker, mut to_broker) = broker.split();
        let up = async {
            loop {
                let (first, body) = packet::read(&mut from_client).await?;
                {
                    let mut cut = state.cut_before.lock().unwrap_or_else(PoisonError::into_inner);
                    if *cut == Some(first >> 4) {
                        *cut = None;
                        return io::Result::<()>::Ok(());
                    }
                }
                to_broker.write_all(&packet::frame(first, &body)).await?;
                let id = if body.len() == 2 { u16::from_be_bytes([body[0], body[1]]) } else { 0 };
                state.heard.send_modify(|heard| heard.push((first, id)));
            }
        };
        let down = async {
            let mut bytes = vec![0; 64 << 10];
            loop {
                match from_broker.read(&mut bytes).await? {
                    0 => return io::Result::<()>::Ok(()),
                    read => to_client.write_all(&bytes[..read]).await?,
                }
            }
        };
        tokio::select! {
            ended = up => ended?,
            ended = down => return ended,
        }
        // Cut: the client hears no more, and the broker writes to its end.
        drop(client);
        to_broker.shutdown().await?;
        tokio::io::copy(&mut from_broker, &mut tokio::io::sink()).await?;
        Ok(())
    };
    tokio::select! {
        ended = both => drop::<io::Result<()>>(ended),
        changed = cuts.changed() => drop(changed),
    }
}
