import { createServer } from 'node:http'
import { randomUUID } from 'node:crypto'
import * as client from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, SITE, PORT } = process.env // https://login.example, …, https://site.example, 8080

const loopback = ISSUER.startsWith('http:') // for trying out: the provider speaks http on the loopback alone
const config = await client.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined,
  { execute: loopback ? [client.allowInsecureRequests] : [] })

// Sessions are kept here and not in the cookie, which names one: first a login under way, then who logged in. Yours will want
// an expiry, too.
const sessions = new Map()

const idOf = (request) => /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]

function go(response, location, session) {
  const headers = { location: String(location) }
  if (session) {
    const id = randomUUID() // a new one at each step: nobody knows it from before
    sessions.set(id, session)
    headers['set-cookie'] = `session=${id}; Path=/; HttpOnly; Secure; SameSite=Lax`
  }
  response.writeHead(303, headers).end()
}

const pages = {
  'GET /': (request, response) => {
    const { claims } = sessions.get(idOf(request)) ?? {}
    if (!claims) return go(response, '/login')
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(`<!doctype html><title>The site</title>
<p>You are <code>${claims.sub}</code> <code>${claims.phone_number}</code></p>
<form method="post" action="/logout"><button>Log out</button></form>`)
  },

  'GET /login': async (request, response) => {
    const checks = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
    }
    go(response, client.buildAuthorizationUrl(config, {
      redirect_uri: `${SITE}/callback`, scope: 'openid phone', state: checks.expectedState, nonce: checks.expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier), code_challenge_method: 'S256',
    }), { checks })
  },

  'GET /callback': async (request, response) => {
    const { checks } = sessions.get(idOf(request)) ?? {}
    sessions.delete(idOf(request)) // whatever comes of it, this login is tried once
    if (!checks) return go(response, '/')
    const tokens = await client.authorizationCodeGrant(config, new URL(request.url, SITE), checks)
    go(response, '/', { claims: tokens.claims(), idToken: tokens.id_token })
  },

  'POST /logout': (request, response) => {
    const { idToken } = sessions.get(idOf(request)) ?? {}
    const own = request.headers['sec-fetch-site'] === 'same-origin' // no other site logs anybody out
    if (!idToken || !own) return go(response, '/')
    sessions.delete(idOf(request))
    go(response, client.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: `${SITE}/` }))
  },
}

createServer(async (request, response) => {
  try {
    const page = pages[`${request.method} ${request.url.split('?')[0]}`]
    if (page) await page(request, response)
    else response.writeHead(404).end()
  } catch (error) { // also when the person declined
    console.error(error.code, error.message)
    response.writeHead(403).end('You are not logged in.')
  }
}).listen(PORT, 'localhost')
