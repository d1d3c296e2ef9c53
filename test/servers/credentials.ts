/** Who may do everything on the servers that speak AWS's protocols; MinIO wants a secret of eight characters at least. */
export const ROOT = { accessKeyId: 'test', secretAccessKey: 'test-secret' } as const;

/** Where they say that they are. */
export const REGION = 'eu-central-1';
