import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';

import jwt from '@fastify/jwt';

const { JWKS_FILE, ISSUER } = process.env;

export default async function auth(scope) {
  const [jwk] = JSON.parse(readFileSync(JWKS_FILE, 'utf8')).keys;
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  await scope.register(jwt, {
    secret: { public: key.export({ type: 'spki', format: 'pem' }) },
    verify: {
      algorithms: ['EdDSA'],
      allowedIss: ISSUER,
      allowedAud: ISSUER,
      requiredClaims: ['exp', 'sub'],
      // Verified tokens are remembered, by their hash: room for each user's.
      cache: 20_000,
    },
  });
  scope.addHook('onRequest', async (request, reply) => {
    try {
      await request.jwtVerify();
    } catch {
      return reply.code(401).send({ error: 'Unauthorized' });
    }
  });
}
