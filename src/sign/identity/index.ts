export { type AmbientTokenOptions, ambientToken } from './ambient-token.ts';
export { type BrowserTokenOptions, browserToken } from './browser-token.ts';
export { deviceToken } from './device-token.ts';
export { type IdentityToken, readIdentityToken } from './identity-token.ts';
export type { ProviderOptions } from './oidc-provider.ts';
export { type Desktop, openBrowser } from './open-browser.ts';
export { tokenFromFile } from './token-file.ts';
