// SPDX-License-Identifier: Apache-2.0
// An authorization server that others wrote (oidc-provider), with Atlassian's token services in
// front of it. A refresh token is good once; a second use ends its grant, but within the leeway.
//
//     node server.mjs '{"cert": FILE, "key": FILE, "lifetime": SECONDS, "leeway": SECONDS,
//                       "secrets": {CLIENT: SECRET}}'
//
// The first line of its output is its origin. Then each line of its input is a JSON array, a
// command and its arguments, and is answered by a line. It ends with its input.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { parse } from 'node:querystring';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

import { decodeJwt, jwtVerify } from 'jose';
import { Provider, errors } from 'oidc-provider';

const options = JSON.parse(process.argv[2]);
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const SCOPE = 'offline_access read:jira-work';
const ACCOUNT = '557058:aaaaaaaa-0000-4000-8000-000000000001';
const record = { granted: {}, refused: [], revoked: 0, again: 0 };

const seconds = () => Date.now() / 1000;

console.info = console.error;           // its notices; our output is answers

class Memory {
    static rows = new Map();

    constructor(model) {
        this.model = model;
    }

    key(id) {
        return `${this.model} ${id}`;
    }

    async upsert(id, row) {
        Memory.rows.set(this.key(id), row);
    }

    // Whoever never got the answer may ask again for a while, as at Atlassian.
    async find(id) {
        const row = Memory.rows.get(this.key(id));
        if (row?.consumed === undefined) {
            return row;
        }
        record.again += 1;
        return seconds() - row.consumed < options.leeway ? { ...row, consumed: undefined } : row;
    }

    async consume(id) {
        Memory.rows.get(this.key(id)).consumed ??= seconds();
    }

    async destroy(id) {
        Memory.rows.delete(this.key(id));
    }

    async revokeByGrantId(grantId) {
        for (const [key, row] of Memory.rows) {
            if (row.grantId === grantId) {
                Memory.rows.delete(key);
            }
        }
    }
}

const client = (id, grants, more) => ({
    client_id: id,
    client_secret: options.secrets[id],
    grant_types: grants,
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
    ...more,
});

const web = { redirect_uris: ['https://httpd.example/callback'], response_types: ['code'] };

const configuration = {
    adapter: Memory,
    clients: [
        client('app', ['authorization_code', 'refresh_token'], web),
        client('dc-app', ['authorization_code', 'refresh_token'], web),
        client('service', ['client_credentials']),
        client('connect', [JWT_BEARER], { token_endpoint_auth_method: 'none' }),
        client('jira', []),
    ],
    scopes: SCOPE.split(' '),
    rotateRefreshToken: true,
    ttl: { AccessToken: options.lifetime, ClientCredentials: options.lifetime },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true, allowedPolicy: (ctx, who) => who.clientId === 'jira' },
    },
};

const server = createServer({ cert: readFileSync(options.cert), key: readFileSync(options.key) });
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `https://localhost:${server.address().port}`;
const provider = new Provider(origin, configuration);

// ---- the forms that Atlassian's services have ---------------------------------------------------

// A client of Connect names itself in its assertion alone, which is verified below.
const readers = {
    '/oauth/token': JSON.parse,
    '/oauth2/token': (body) => {
        const form = parse(body);
        return { ...form, client_id: decodeJwt(form.assertion).iss.split(':').pop() };
    },
};

provider.use(async (ctx, next) => {
    const reader = readers[ctx.path];
    if (reader) {
        ctx.req.body = reader(await text(ctx.req));
        ctx.req.headers['content-type'] = 'application/x-www-form-urlencoded';
        ctx.path = '/token';
    }
    await next();
});

async function verified({ client: { clientId }, params: { assertion } }) {
    try {
        const key = new TextEncoder().encode(options.secrets[clientId]);
        const { payload } = await jwtVerify(assertion, key, {
            algorithms: ['HS256'],
            audience: origin,
            issuer: `urn:atlassian:connect:clientid:${clientId}`,
            maxTokenAge: '2 minutes',
            requiredClaims: ['exp', 'sub', 'tnt'],
        });
        return payload;
    } catch (error) {
        throw new errors.InvalidGrant(error.message);
    }
}

provider.registerGrantType(JWT_BEARER, async (ctx) => {
    const { sub } = await verified(ctx.oidc);
    const accountId = /^urn:atlassian:connect:useraccountid:(.+)$/.exec(sub)?.[1];
    const token = new provider.AccessToken({ accountId, client: ctx.oidc.client, gty: JWT_BEARER });
    ctx.body = {
        access_token: await token.save(),
        expires_in: token.expiration,
        token_type: token.tokenType,
    };
}, ['assertion', 'scope']);

// ---- what it saw --------------------------------------------------------------------------------

provider.on('grant.success', (ctx) => {
    const { clientId } = ctx.oidc.client;
    record.granted[clientId] = (record.granted[clientId] ?? 0) + 1;
});
provider.on('grant.error', (ctx, error) => record.refused.push(
    [ctx.oidc.params?.client_id, error.error, error.error_description, error.error_detail],
));
provider.on('grant.revoked', () => { record.revoked += 1; });
provider.on('server_error', (ctx, error) => console.error(error));

// ---- what a test tells it -----------------------------------------------------------------------

const commands = {
    // As a person does it in a browser: a new grant. Answers its refresh token.
    async authorise(clientId) {
        const grant = new provider.Grant({ accountId: ACCOUNT, clientId });
        grant.addOIDCScope(SCOPE);
        return new provider.RefreshToken({
            accountId: ACCOUNT,
            client: await provider.Client.find(clientId),
            grantId: await grant.save(),
            gty: 'authorization_code',
            scope: SCOPE,
        }).save();
    },

    // As a person does it in the account's settings: whatever grants the app has.
    async revoke(clientId) {
        for (const [key, row] of Memory.rows) {
            if (row.clientId === clientId) {
                Memory.rows.delete(key);
            }
        }
    },

    set(name, value) {
        options[name] = value;
    },

    record: () => record,
};

server.on('request', provider.callback());
console.log(JSON.stringify(origin));
for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...args] = JSON.parse(line);
    console.log(JSON.stringify(await commands[name](...args) ?? null));
}
process.exit();
