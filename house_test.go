package ostiary_test

// This file is the floor plan of the house: who may go where, and why. It is
// read top down; how the source is checked against it stands in
// house_check_test.go.

// floorPlan has one row a package: what it may import of this module, and why
// no more. Imports never turn back: a row names rooms of rows above it only,
// and a test holds it to that. A package that isn't here fails the test: give
// it a row. Tests may import what they like.
const floorPlan = `
# room                       | may enter                                                  | why no more

# The words: whoever embeds Ostiary takes nothing else along.
.                            |                                                            | the vocabulary belongs to nobody; it uses the standard library only
internal/glob                |                                                            | a matcher knows strings
internal/wire                | .                                                          | bytes in, spans out: it decides nothing
internal/netguard            | .                                                          | one outbound client; it knows addresses, not purposes
internal/uri                 |                                                            | the form of an address; whose it is, others say

# What survives: one way to write.
store                        | .                                                          | records know no domain
store/internal/batch         | . store                                                    | one evaluator for every driver, itself without storage
store/memory                 | . store store/internal/batch                               | a driver is a leaf
store/sqlite                 | . store store/internal/batch                               | a driver is a leaf
store/postgres               | . store store/internal/batch                               | a driver is a leaf
store/redis                  | . store store/internal/batch                               | a driver is a leaf
store/storetest              | . store                                                    | the suite must not know which driver it tests

# The domain: no HTTP, no MCP, no SQL; these rooms know the call, not how it came.
audit                        | . store                                                    | everybody writes to the log, so it can know nobody
policy                       | . internal/glob                                            | configuration compiled into look-ups: pure, so that explain and simulate can trust it
identity                     | . store audit                                              | who is asking doesn't depend on what is asked
session                      | . store audit identity                                     | consent is given to apps and tools, not to gates; what a token holds is identity's word
vault                        | . store audit internal/netguard                            | credentials are fetched here, and used by upstream alone
skill                        | . store audit policy                                       | a skill narrows; only a gate refuses
approval                     | . store audit policy                                       | a request must not know through which channel it was asked
gate                         | . policy identity session vault skill approval             | gates read through the domain and never write: no store, no audit
guard                        | . gate policy identity session vault skill approval audit  | decide and commit; it hands over without knowing to what
                             | store                                                      |
mcpguard                     | . guard gate policy identity session skill approval audit  | the embedded library carries no gateway
                             | store internal/wire                                        |
ostiarytest                  | . guard gate policy identity session skill approval audit  | a test kit sees what its users see
                             | store store/memory mcpguard                                |

# The outside: HTTP and MCP are met here and go no further in.
internal/connect             | . internal/wire                                            | words for other programs' files: it reads and writes none
internal/config              | . identity internal/glob internal/uri                      | validated structs, held to the rules for people; config hands them out and builds nothing
internal/upstream            | . internal/wire                                            | carries an allowed call, never decides
internal/upstream/streamable | . internal/wire internal/upstream                          | a transport is a leaf
internal/upstream/sse        | . internal/wire internal/upstream                          | a transport is a leaf
internal/upstream/stdio      | . internal/wire internal/upstream                          | a transport is a leaf
internal/upstream/openapi    | . internal/wire internal/upstream internal/netguard        | a transport is a leaf
internal/channel/page        | . approval                                                 | carries the question, never answers it
internal/channel/webhook     | . approval internal/netguard                               | carries the question, never answers it
internal/channel/recheck     | . approval internal/netguard                               | carries the question, never answers it
internal/channel/slack       | . approval internal/netguard                               | carries the question, never answers it
internal/pages               | . policy identity session vault skill approval audit store | shows and takes forms; no gate is passed by a page
internal/authserver/client   | . store audit identity internal/wire internal/netguard     | who asks for tokens and how they prove it; nothing of persons or of what is given
                             | internal/uri                                               |
internal/authserver/grants   | . identity session audit store internal/authserver/client  | one file a grant, each without HTTP routes
internal/authserver/pending  | . identity session audit store internal/authserver/grants  | what a person decides is held to what was asked and shown, not to a page
internal/authserver          | . policy identity session vault audit store                | issues tokens; knows no tool call
                             | internal/netguard internal/pages                           |
                             | internal/authserver/client internal/authserver/grants      |
                             | internal/authserver/pending                                |
internal/issuer              | . identity session internal/wire internal/netguard         | what others say of people, checked; keeps nothing of anybody
                             | internal/authserver/client                                 |
internal/catalogue           | . audit store internal/wire internal/upstream              | what is on offer, made whole from lists; it decides nothing
internal/task                | . store                                                    | keeps what a call was and came to; who sends it, and how, it doesn't know
internal/edge/mcp            | . guard policy identity approval audit store internal/wire | parses once, asks the guard, renders what it said
                             | internal/upstream internal/catalogue internal/task         |
internal/edge/limit          | .                                                          | counts; what is counted is none of its business
internal/edge/visit          | . identity store                                           | who visits over HTTP, for pages and API alike; decides nothing
internal/edge/web            | . identity session approval audit store policy             | from a form to the domain and back to a page
                             | internal/catalogue internal/pages internal/wire            |
                             | internal/edge/visit internal/edge/limit internal/issuer    |
                             | internal/authserver/client internal/authserver/pending     |
                             | internal/uri                                               |
internal/edge/api            | . identity session approval audit store policy             | from JSON to the domain and back; messages are worded by pages
                             | internal/authserver/client                                 |
                             | internal/catalogue internal/pages internal/wire            |
                             | internal/edge/visit internal/edge/limit                    |
internal/edge/oauth          | . audit store session internal/edge/visit                  | what OAuth clients send and get; who they are and what they get is decided below
                             | internal/edge/limit internal/authserver/client             |
                             | internal/authserver/grants                                 |
internal/edge                | . identity store internal/pages                            | every path; hands over to the rooms below it
                             | internal/edge/visit internal/edge/web internal/edge/api    |
                             | internal/edge/oauth                                        |
examples/...                 | . mcpguard guard gate policy identity approval audit       | what a reader copies must work with what is exported
                             | store store/memory store/sqlite examples/...               |
internal/gateway             | *                                                          | the wiring: the only package that knows everybody
cmd/ostiary                  | . store audit identity approval                            | thin: what a command does stands in the room it concerns;
                             | internal/config internal/gateway internal/connect          | no gate, no transport, no page
                             | examples/...                                               |

# Beside the house.
bench/...                    | . bench/...                                                | measures from outside, as a client does
internal/testparts/idp       |                                                            | an identity provider for tests, wrong on demand; a program of its own
internal/testparts           |                                                            | lends tests real servers and browsers; only tests import it
e2e                          |                                                            | tells stories with the binary; has no code of its own
`

// bans lists what only some rooms may use: a package, or one name of it.
const bans = `
# what                 | only in                                                 | why

net/http               | internal/netguard internal/upstream/...                 | the domain must decide alike in a gateway and in a library
                       | internal/channel/... internal/pages                     |
                       | internal/authserver/... internal/edge/...               |
                       | internal/gateway                                        |
                       | mcpguard ostiarytest cmd/ostiary examples/... bench/... |
                       | internal/testparts/...                                  |
net/http.DefaultClient |                                                         | it follows redirects anywhere and waits for ever
net/http.Get           |                                                         | it uses the default client
net/http.Post          |                                                         | it uses the default client
database/sql           | store/sqlite                                            | SQL behind the narrow waist only
os.Getenv              | internal/config                                         | what configures the gateway can be read in one place
os.LookupEnv           | internal/config cmd/ostiary                             | main hands it to config, nobody else looks
os.Environ             | internal/config internal/testparts bench/...            | what configures the gateway can be read in one place
os.ExpandEnv           |                                                         | an unset variable must be an error
os.Exit                | cmd/ostiary examples/... bench/... internal/testparts/... | deferred work is lost; return an error
os/exec                | internal/upstream/stdio internal/testparts bench/...    | one place starts processes, with a clean environment
time.Now               | . internal/testparts/idp                                | ask the Clock, so that expiry can be tested to the instant
time.Since             | bench/...                                               | ask the Clock
time.Until             |                                                         | ask the Clock
time.Sleep             |                                                         | it can't be cancelled; wait on a timer and the context
math/rand              |                                                         | what can be guessed is no secret; use crypto/rand
math/rand/v2           | bench/...                                               | what can be guessed is no secret; use crypto/rand
log                    |                                                         | log/slog, where Secret prints as [redacted]
unsafe                 |                                                         | nothing here is worth it
testing                | store/storetest ostiarytest internal/testparts          | it would be linked into the binary

# Whoever may enter every room still leaves these to tests.
github.com/ostiary/ostiary/internal/testparts  |  | a browser and a database server are no part of a gateway
github.com/ostiary/ostiary/store/storetest     |  | the suite is for drivers' tests
`

// dependencies names who may import which foreign module. Each is somebody
// else's key to the house.
const dependencies = `
# module                               | only in                                           | what for

golang.org/x/crypto                    | identity store internal/config                    | argon2 for passwords
golang.org/x/mod                       | audit                                             | Merkle tree and signed notes
golang.org/x/sys                       | store/sqlite internal/upstream/stdio              | file locks, process groups
golang.org/x/term                      | cmd/ostiary                                       | asking for a password without echo
golang.org/x/text                      | internal/wire policy                              | Unicode folding
golang.org/x/time                      | internal/edge internal/authserver                 | limits an address
github.com/go-jose/go-jose             | internal/authserver/client internal/issuer        | signed assertions of clients, tokens of issuers, and their keys
                                       | internal/testparts/...                            |
code.dny.dev/ssrf                      | internal/netguard                                 | refuses private addresses when dialling
modernc.org/sqlite                     | store/sqlite                                      | SQLite without C
github.com/jackc/pgx                   | store/postgres internal/testparts                 | PostgreSQL
github.com/prometheus/client_golang    | internal/gateway                                  | /metrics
github.com/alecthomas/kong             | cmd/ostiary                                       | command line
go.yaml.in/yaml                        | internal/config                                   | configuration with line numbers
github.com/google/jsonschema-go        | policy internal/config internal/upstream mcpguard | schemas of tools, and of the configuration
                                       | internal/edge/api examples/...                    |
github.com/modelcontextprotocol/go-sdk | mcpguard ostiarytest examples/... bench/...       | never on the gateway's way: typed values lose integers and unknown fields
github.com/chromedp/chromedp           | internal/testparts                                | drives a browser
go.uber.org/goleak                     | internal/testparts                                | finds goroutines left behind
github.com/google/go-cmp               | store/storetest ostiarytest                       | differences in tests
pgregory.net/rapid                     | store/storetest                                   | model-based tests
`

// Sizes beyond which the next reader is asked too much. They are far above
// what style wants: a function of some ten lines, a file of some 120.
const (
	longestFunction = 60
	longestFile     = 500
)
