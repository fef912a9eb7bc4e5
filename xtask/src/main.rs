//! What is done to the workspace: `cargo xtask <task>`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

use std::process::ExitCode;

mod args;
mod bounds;
mod emulators;
mod house;
mod kill9;
mod kill_mqtt;
mod lambda;
mod peers;
mod process;
mod run;
mod summary;
mod test;

/// A failure, in words.
type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const USAGE: &str = "\
cargo xtask test                      every check and every test: licences, rust versions, names in the documents,
                                      tests against real peers, and the killing of real workers
cargo xtask kill9 [--cycles N] [--workers N] [--seed N] [--lake s3://BUCKET/PREFIX]
                                      kills the real `hydrate` at random moments and checks that nothing is lost
                                      or doubled (100 cycles, 1 worker, a seed from the clock, a lake on disk); the
                                      variables of the AWS SDK say where S3 is, for instance AWS_ENDPOINT_URL
cargo xtask kill-mqtt [--kills N] [--seed N] [--worker PROGRAM]
                                      kills a real mosquitto and the real `mqtt_to_lake` at random moments, and checks that
                                      no message is lost and none of QoS 2 is doubled (200 kills)
cargo xtask bounds                    measures the memory of the real `hydrate` over 2 GiB and over 10,000 partitions
cargo xtask lambda [NAME]...           packages workers for Lambda, and says what they weigh and how long they take to begin
cargo xtask licences                  every dependency has a licence that allows both of ours
cargo xtask msrv                      every crate states the Rust version, and no dependency needs a newer one
cargo xtask slim                      what is to be built quickly, or anywhere, is built from little
cargo xtask documents                 every test that a document names exists
cargo xtask deny                      cargo-deny with deny.toml; installs it below `target` if it is not there
cargo xtask peers                     fetches the peers that tests need, and prints their variables
cargo xtask localstack up|down        starts a LocalStack and prints the variables by which clients find it, or stops it
cargo xtask ministack up|down         the same with MiniStack";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match task.as_str() {
        "test" => args::none(&rest).and_then(|()| test::run()),
        "kill9" => {
            kill9::Plan::parse(&rest).and_then(|plan| kill9::run(&plan)).map(|line| println!("{line}"))
        }
        "kill-mqtt" => kill_mqtt::Plan::parse(&rest)
            .and_then(|plan| kill_mqtt::run(&plan))
            .map(|line| println!("{line}")),
        "bounds" => args::none(&rest).and_then(|()| bounds::run()).map(|line| println!("{line}")),
        "lambda" => lambda::run(&rest).map(|line| println!("{line}")),
        "licences" => args::none(&rest).and_then(|()| house::licences()).map(|line| println!("{line}")),
        "msrv" => args::none(&rest).and_then(|()| house::msrv()).map(|line| println!("{line}")),
        "slim" => args::none(&rest).and_then(|()| house::slim()).map(|line| println!("{line}")),
        "documents" => args::none(&rest).and_then(|()| house::documents()).map(|line| println!("{line}")),
        "deny" => args::none(&rest).and_then(|()| house::deny()),
        "peers" => args::none(&rest).and_then(|()| peers::print()),
        "" | "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => match emulators::ALL.iter().find(|emulator| emulator.name == other) {
            Some(emulator) => emulator.command(&rest),
            None => Err(format!("there is no task `{other}`\n\n{USAGE}").into()),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
