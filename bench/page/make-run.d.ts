export function makeRun(root: string, options: { readonly updates: number; readonly text?: string }): Promise<string>;
