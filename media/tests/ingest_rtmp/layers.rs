//! A connection inside another layer, as TLS will be.

use crate::client::{AVCC, Client, connect, header, picture};
use crate::server::{metric, metrics_text};
use amphi_media::feed::feed;
use amphi_media::ingest::rtmp::listen::{Connection, End, Error, Limits, Listener};
use std::time::Duration;
use tokio::io::BufStream;
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_works_inside_a_layer_that_holds_back_what_is_not_flushed() {
    // Before anything is counted.
    metrics_text();
    let listener = Listener::bind("127.0.0.1:0", Limits::default()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let connection = listener.accept().await.unwrap();
        let connection: Connection<BufStream<TcpStream>> =
            connection.wrap(|tcp| async { Ok(BufStream::new(tcp)) }).await.unwrap();
        let pending = connection.offer().await.unwrap();
        assert!(metric("amphi_rtmp_connections") >= 1.0);
        let (publisher, feed) = feed();
        let end = pending.accept(publisher).await;
        (end, feed.has_ended())
    });
    let mut client = Client::publish(address, 4096).await;
    client.video(0, header(AVCC)).await;
    client.video(0, picture(true, 1000)).await;
    client.stop().await;
    let (end, has_ended) = served.await.unwrap();
    assert!(matches!(end, Ok(End::Unpublished)), "{end:?}");
    assert!(has_ended);
    assert!(metric("amphi_rtmp_received_bytes_total") >= 1000.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_that_is_never_ready_ends_with_the_handshake_time() {
    let limits = Limits { handshake_time: Duration::from_millis(200), ..Limits::default() };
    let listener = Listener::bind("127.0.0.1:0", limits).await.unwrap();
    let _peer = connect("127.0.0.1:0", listener.local_addr().unwrap()).await.unwrap();
    let connection = listener.accept().await.unwrap();
    let wrapped = connection.wrap(|_tcp| std::future::pending::<std::io::Result<TcpStream>>()).await;
    assert!(matches!(wrapped, Err(Error::HandshakeTime)));
}
