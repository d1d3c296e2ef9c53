/** Where a browser would open. */
export interface Desktop {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How long a command has to fail; after that a browser is taken for open. */
const FAILS_WITHIN_MS = 2000;

/** Opens a web page in the person's browser; false where there is none. */
export async function openBrowser(url: string, desktop: Desktop): Promise<boolean> {
  const command = commandFor(desktop);
  if (command === undefined) return false;
  const [file, ...args] = command;
  const { spawn } = await import('node:child_process');
  return new Promise((resolve) => {
    const child = spawn(file, [...args, url], { env: { ...desktop.env }, stdio: 'ignore', detached: true });
    const timer = setTimeout(() => resolve(true), FAILS_WITHIN_MS);
    const settle = (opened: boolean): void => {
      clearTimeout(timer);
      resolve(opened);
    };
    child.once('error', () => settle(false));
    child.once('exit', (code) => settle(code === 0));
    child.unref();
  });
}

function commandFor({ platform, env }: Desktop): readonly [string, ...string[]] | undefined {
  switch (platform) {
    case 'darwin':
      return ['open'];
    case 'win32':
      return ['rundll32', 'url.dll,FileProtocolHandler'];
    default: {
      const hasScreen = [env.DISPLAY, env.WAYLAND_DISPLAY].some((display) => display !== undefined && display !== '');
      return hasScreen ? ['xdg-open'] : undefined;
    }
  }
}
