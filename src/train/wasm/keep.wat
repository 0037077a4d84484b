;; Dropout's masks, sixteen values at a time: the byte i of a stream of hashed counters, kept (1) or not (0). All lies in
;; one imported memory, 16-byte aligned. Assembled into keep.ts by `npm run generate`.
(module
  (memory (import "host" "memory") 1)

  ;; at[i] = byte i of the words mix(key ^ (position + floor(i / 4)) · 0x9e3779b1) is at least `zeroed` ? 1 : 0, for i in
  ;; [0, n) and on to the next multiple of 16. `mix` is that of util/hash.ts.
  (func (export "keep") (param $n i32) (param $at i32) (param $key i32) (param $position i32) (param $zeroed i32)
    (local $end i32) (local $counter v128) (local $h v128) (local $keys v128) (local $limit v128)
    (local.set $end (i32.add (local.get $at) (local.get $n)))
    (local.set $keys (i32x4.splat (local.get $key)))
    (local.set $limit (i8x16.splat (local.get $zeroed)))
    (local.set $counter (i32x4.add (i32x4.splat (local.get $position)) (v128.const i32x4 0 1 2 3)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $h (v128.xor (local.get $keys) (i32x4.mul (local.get $counter) (i32x4.splat (i32.const 0x9e3779b1)))))
        (local.set $h (i32x4.mul (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 16))) (i32x4.splat (i32.const 0x85ebca6b))))
        (local.set $h (i32x4.mul (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 13))) (i32x4.splat (i32.const 0xc2b2ae35))))
        (local.set $h (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 16))))
        (v128.store (local.get $at) (v128.and (i8x16.ge_u (local.get $h) (local.get $limit)) (i8x16.splat (i32.const 1))))
        (local.set $counter (i32x4.add (local.get $counter) (i32x4.splat (i32.const 4))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))))
