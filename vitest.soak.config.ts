import { defineConfig } from 'vitest/config';

/** `npm run test:soak`: what takes too long for every day. */
export default defineConfig({
  test: {
    include: ['test/soak/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
  },
});
