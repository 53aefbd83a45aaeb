//! A crawler: some processes fetch pages, others parse them (Q4 of the seed notes).
//!
//! The pages come from a small HTTP server in this program.
#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_core::{Job, JobSet};
use conc_process::Pool;
use regex_lite::Regex;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Page `n` links to `2n` and `2n + 1`, as far as there are pages, and to one that is missing.
const PAGES: u32 = 60;

/// What the parsers make once, and their jobs borrow.
struct Patterns {
    title: Regex,
    link: Regex,
}

fn patterns(_: ()) -> Patterns {
    Patterns {
        title: Regex::new("<title>([^<]*)</title>").expect("a pattern"),
        link: Regex::new(r#"href="/page/(\d+)""#).expect("a pattern"),
    }
}

fn fetch((server, page): (SocketAddr, u32)) -> Result<(u32, String), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(server).map_err(text)?;
    write!(stream, "GET /page/{page} HTTP/1.0\r\nHost: {server}\r\n\r\n").map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok((page, body.to_owned())),
        other => Err(format!("page {page}: status {}", other.unwrap_or("?"))),
    }
}

fn parse(patterns: &mut Patterns, page: String) -> (String, Vec<u32>) {
    let first = |found: regex_lite::Captures<'_>| found[1].to_owned();
    let title = patterns.title.captures(&page).map(first).unwrap_or_default();
    let links = patterns.link.captures_iter(&page).map(first);
    (title, links.filter_map(|number| number.parse().ok()).collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let server = listener.local_addr()?;
    std::thread::spawn(move || serve(&listener));

    let fetchers = Pool::builder().workers(3).name("fetch").build()?;
    let parsers = Pool::builder().workers(2).name("parse").initializer(patterns, ()).build()?;
    let (mut known, mut titles, mut missing) = (BTreeSet::from([1]), BTreeSet::new(), Vec::new());
    let mut fetching: JobSet<_> = JobSet::new();
    let mut parsing: JobSet<_> = JobSet::new();
    let get = |page| fetchers.submit(fetch, (server, page));
    fetching.add(get(1)?);
    loop {
        // A page that has come goes to a parser; the links of one that was parsed are new pages.
        if let Some((_, fetched)) = fetching.next_finished() {
            match fetched? {
                Ok((_, text)) => {
                    let job: Job<(String, Vec<u32>)> = parsers.submit_with(parse, text)?;
                    parsing.add(job);
                }
                Err(error) => missing.push(error),
            }
        }
        while !parsing.is_empty() && fetching.is_empty() {
            let Some((_, parsed)) = parsing.next_finished() else { break };
            let (title, links) = parsed?;
            titles.insert(title);
            for page in links {
                if known.insert(page) {
                    fetching.add(get(page)?);
                }
            }
        }
        if fetching.is_empty() && parsing.is_empty() {
            break;
        }
    }
    println!("{} pages, the last by name: {}", titles.len(), titles.last().map_or("", |t| t));
    missing.sort();
    println!("not there: {missing:?}");
    let stats = [fetchers.stats(), parsers.stats()].map(|stats| stats.jobs());
    println!("jobs of the fetchers and of the parsers: {stats:?}");
    Ok(())
}

/// Serves until the program ends.
fn serve(listener: &TcpListener) {
    for stream in listener.incoming() {
        // A visitor that goes away is its own affair.
        let _ = stream.and_then(answer);
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let page = path.strip_prefix("/page/").and_then(|number| number.parse::<u32>().ok());
    match page.filter(|page| (1..=PAGES).contains(page)) {
        None => write!(stream, "HTTP/1.0 404 Not Found\r\n\r\n"),
        Some(n) => {
            let mut links = vec![2 * n, 2 * n + 1];
            links.retain(|&link| link <= PAGES || n == PAGES / 2);
            let links: String =
                links.iter().map(|link| format!("<a href=\"/page/{link}\">{link}</a>")).collect();
            write!(
                stream,
                "HTTP/1.0 200 OK\r\n\r\n<html><title>Page {n:03}</title><body>{links}</body></html>"
            )
        }
    }
}
