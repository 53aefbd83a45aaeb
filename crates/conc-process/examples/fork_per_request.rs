//! A listener that makes a process for each request, as Apache did (P7).
//!
//! The connection itself is passed to the process. A request that crashes its process costs its
//! own connection and nothing else.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::{Builder, Process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

/// One request, in a process of its own: the connection is its only argument.
fn serve(number: u32) {
    let connection = conc_process::take_passed().pop().unwrap();
    let mut connection = TcpStream::from(connection);
    let mut line = String::new();
    BufReader::new(&connection).read_line(&mut line).unwrap();
    if line.contains("/crash") {
        std::process::abort();
    }
    let body = format!("request {number}: {}", line.trim());
    write!(connection, "HTTP/1.0 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
}

fn ask(address: std::net::SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    // A server that crashed resets the connection or just closes it.
    let _ = stream.read_to_string(&mut answer);
    Ok(answer.lines().last().unwrap_or("no answer").to_owned())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let paths = ["/first", "/crash", "/third"];
    let client = std::thread::spawn(move || paths.map(|path| ask(address, path)));
    let mut processes: Vec<Process<()>> = Vec::new();
    for number in 0..3 {
        let (connection, _) = listener.accept()?;
        processes.push(Builder::new().pass(OwnedFd::from(connection)).spawn(serve, number)?);
    }
    for (process, number) in processes.into_iter().zip(0..) {
        match process.join() {
            Ok(()) => println!("process {number}: served"),
            Err(error) => println!("process {number}: {error}"),
        }
    }
    for answer in client.join().expect("the client does not panic") {
        println!("client got: {}", answer?);
    }
    Ok(())
}
