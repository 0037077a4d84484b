/** JSON pointers (RFC 6901): `/steps/student/with/stages/0`. The root is the empty string. */

export function child(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export function segments(pointer: string): string[] {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

export const parent = (pointer: string): string => pointer.slice(0, Math.max(0, pointer.lastIndexOf('/')));

/** Whether a pointer is `ancestor` or leads into it. */
export function within(pointer: string, ancestor: string): boolean {
  return pointer === ancestor || pointer.startsWith(`${ancestor}/`);
}

/** As a person writes it: `stages[0].objectives[1].weight`. */
export function display(path: readonly string[]): string {
  return path.map((part, i) => (/^\d+$/.test(part) && i > 0 ? `[${part}]` : i > 0 ? `.${part}` : part)).join('');
}

/** The path of a pointer below another one. */
export const pathBelow = (pointer: string, root: string): string[] => segments(pointer.slice(root.length));
