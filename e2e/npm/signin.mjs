// The official TypeScript client signing in by itself, steered by tests: one
// JSON object a line. It is started with the arguments
//   URL REDIRECT_URI VERSION
// writes {"open": "…"} where its person has to go, waits for a line with the
// query that came back, as a JSON string, and writes {"tokens": …, "tools": […]}.
// Each line after that is a tool to call, {"name": …, "arguments": {…}, "forget":
// bool}: with forget its access token is spoilt before, so that it has to
// refresh. It answers {"result": …, "tokens": …} or {"error": "…"}; where its
// person has to agree first, it writes {"open": "…"} and waits as before.
import { createInterface } from 'node:readline';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const [url, redirectUrl, version] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (object) => process.stdout.write(JSON.stringify(object) + '\n');

const kept = {};
const provider = {
  redirectUrl,
  clientMetadata: {
    client_name: 'TypeScript client',
    redirect_uris: [redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  redirectToAuthorization: (to) => say({ open: to.href }),
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  codeVerifier: () => kept.verifier,
  saveDiscoveryState: (state) => { kept.discovery = state; },
  discoveryState: () => kept.discovery,
};

const transport = () => new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
const client = () => new Client(
  { name: 'ostiary-e2e', version: '1.0.0' },
  { versionNegotiation: { mode: version >= '2026' ? { pin: version } : 'legacy' } },
);

// agreed does something once its person has agreed, if they have to.
const agreed = async (over, action) => {
  try {
    return await action();
  } catch (error) {
    if (!/unauthorized/i.test(`${error.name} ${error.message}`)) throw error;
  }
  const back = JSON.parse((await lines.next()).value);
  await over.finishAuth(new URLSearchParams(back));
};

try {
  const first = transport();
  await agreed(first, async () => {
    await client().connect(first);
    throw new Error('connected without a token');
  });
  const connected = client();
  const second = transport();
  await connected.connect(second);
  const { tools } = await connected.listTools();
  say({ tokens: kept.tokens, tools: tools.map((tool) => tool.name) });
  for await (const line of lines) {
    const { name, arguments: args, forget } = JSON.parse(line);
    if (forget) kept.tokens = { ...kept.tokens, access_token: 'ost_at_spoilt' };
    try {
      const call = () => connected.callTool({ name, arguments: args });
      say({ result: (await agreed(second, call)) ?? (await call()), tokens: kept.tokens });
    } catch (error) {
      say({ error: `${error.name}: ${error.message}` });
    }
  }
} catch (error) {
  say({ error: `${error.name}: ${error.message}\n${error.stack}` });
}
process.exit(0);
