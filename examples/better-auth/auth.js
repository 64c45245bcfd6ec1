// A Better Auth server as any project has one. For Taskwell only `jwt()` matters.
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { bearer, jwt } from "better-auth/plugins";

export function createAuth(settings, origin) {
  const signsSessionCookie = settings.sessionCookie === "jwt";
  return betterAuth({
    baseURL: origin,
    secret: settings.secret,
    trustedOrigins: settings.trustedOrigins,
    database: memoryAdapter({ user: [], session: [], account: [], verification: [], jwks: [] }),
    emailAndPassword: { enabled: true },
    session: signsSessionCookie ? { cookieCache: { enabled: true, strategy: "jwt" } } : {},
    advanced: { database: { generateId: settings.userIds } },
    plugins: [
      // For clients without cookies: curl, or a test.
      bearer(),
      jwt({
        sessionCookieCache: signsSessionCookie,
        jwt: {
          issuer: settings.issuer,
          audience: settings.audiences,
          expirationTime: settings.tokenLifetime,
        },
        jwks: {
          keyPairConfig: settings.keyPair,
          rotationInterval: settings.keyLifetime,
        },
      }),
    ],
  });
}
