;; The optimiser's inner loops, four float32 lanes at a time. All arrays lie in one imported memory, 16-byte aligned,
;; padded with zeros to a multiple of four elements. Assembled into adamw.ts by `npm run generate`.
(module
  (memory (import "host" "memory") 1)

  ;; Sum of squares of g[0..n), accumulated in float64, lane by lane in a fixed order.
  (func (export "sumSquares") (param $n i32) (param $g i32) (result f64)
    (local $end i32) (local $x v128) (local $sum v128) (local $high v128)
    (local.set $end (i32.add (local.get $g) (i32.shl (local.get $n) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $g) (local.get $end)))
        (local.set $x (v128.load (local.get $g)))
        (local.set $high (f64x2.promote_low_f32x4 (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $x) (local.get $x))))
        (local.set $x (f64x2.promote_low_f32x4 (local.get $x)))
        (local.set $sum (f64x2.add (local.get $sum)
          (f64x2.add (f64x2.mul (local.get $x) (local.get $x)) (f64x2.mul (local.get $high) (local.get $high)))))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (br $next)))
    (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum))))

  ;; Adds `count` rows of `width` numbers, one after the other at x, to the rows of g that `ids` (int32) names.
  (func (export "addRows") (param $count i32) (param $width i32) (param $g i32) (param $x i32) (param $ids i32)
    (local $bytes i32) (local $to i32) (local $end i32) (local $four i32)
    (local.set $bytes (i32.shl (local.get $width) (i32.const 2)))
    (block $done
      (loop $row
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $to (i32.add (local.get $g) (i32.mul (i32.load (local.get $ids)) (local.get $bytes))))
        (local.set $end (i32.add (local.get $to) (local.get $bytes)))
        (local.set $four (i32.add (local.get $to) (i32.and (local.get $bytes) (i32.const -16))))
        (block $fours
          (loop $next
            (br_if $fours (i32.ge_u (local.get $to) (local.get $four)))
            (v128.store (local.get $to) (f32x4.add (v128.load (local.get $to)) (v128.load (local.get $x))))
            (local.set $to (i32.add (local.get $to) (i32.const 16)))
            (local.set $x (i32.add (local.get $x) (i32.const 16)))
            (br $next)))
        (block $ones
          (loop $next
            (br_if $ones (i32.ge_u (local.get $to) (local.get $end)))
            (f32.store (local.get $to) (f32.add (f32.load (local.get $to)) (f32.load (local.get $x))))
            (local.set $to (i32.add (local.get $to) (i32.const 4)))
            (local.set $x (i32.add (local.get $x) (i32.const 4)))
            (br $next)))
        (local.set $ids (i32.add (local.get $ids) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $row))))

  ;; One AdamW update of n parameters:
  ;;   p ← p·keep;  g ← scale·g;  m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  p ← p − rate·m / (√v·unbias + ε)
  (func (export "adamw")
    (param $n i32) (param $p i32) (param $g i32) (param $m i32) (param $v i32)
    (param $beta1 f32) (param $beta2 f32) (param $rate f32) (param $unbias f32) (param $epsilon f32)
    (param $keep f32) (param $scale f32)
    (local $end i32) (local $gi v128) (local $mi v128) (local $vi v128)
    (local $b1 v128) (local $c1 v128) (local $b2 v128) (local $c2 v128)
    (local $r v128) (local $u v128) (local $e v128) (local $k v128) (local $s v128)
    (local.set $b1 (f32x4.splat (local.get $beta1)))
    (local.set $c1 (f32x4.splat (f32.sub (f32.const 1) (local.get $beta1))))
    (local.set $b2 (f32x4.splat (local.get $beta2)))
    (local.set $c2 (f32x4.splat (f32.sub (f32.const 1) (local.get $beta2))))
    (local.set $r (f32x4.splat (local.get $rate)))
    (local.set $u (f32x4.splat (local.get $unbias)))
    (local.set $e (f32x4.splat (local.get $epsilon)))
    (local.set $k (f32x4.splat (local.get $keep)))
    (local.set $s (f32x4.splat (local.get $scale)))
    (local.set $end (i32.add (local.get $p) (i32.shl (local.get $n) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
        (local.set $gi (f32x4.mul (v128.load (local.get $g)) (local.get $s)))
        (local.set $mi (f32x4.add (f32x4.mul (v128.load (local.get $m)) (local.get $b1)) (f32x4.mul (local.get $gi) (local.get $c1))))
        (local.set $vi (f32x4.add (f32x4.mul (v128.load (local.get $v)) (local.get $b2))
          (f32x4.mul (f32x4.mul (local.get $gi) (local.get $gi)) (local.get $c2))))
        (v128.store (local.get $m) (local.get $mi))
        (v128.store (local.get $v) (local.get $vi))
        (v128.store (local.get $p)
          (f32x4.sub (f32x4.mul (v128.load (local.get $p)) (local.get $k))
            (f32x4.div (f32x4.mul (local.get $r) (local.get $mi))
              (f32x4.add (f32x4.mul (f32x4.sqrt (local.get $vi)) (local.get $u)) (local.get $e)))))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (local.set $m (i32.add (local.get $m) (i32.const 16)))
        (local.set $v (i32.add (local.get $v) (i32.const 16)))
        (br $next)))))
