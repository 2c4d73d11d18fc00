// Gradients with respect to values that the dynamics compare, round or cast; and steps that take
// nothing from a gradient: pieces that meet, a state's own switch, what is off the path, what is
// stopped on purpose.
#include "tests/corpus/corpus.h"

namespace nodec::corpus {
namespace {

// The gradient with respect to T and k of where a solve from 1 ends, with dynamics f(u, t, T, k).
template <class Dynamics>
void gradient_of(Trace& t, const Dynamics& f, Here where = Here::current()) {
  const Var threshold = t.input("T", f64()), rate = t.input("k", f64());
  const auto end = [&](const Var& T, const Var& k) {
    const auto dynamics = [&](const Var& u, const Var& time) { return f(u, time, T, k); };
    return solve(dynamics, constant(1.0, Dtype::F64), 0, 5, {}, where).u;
  };
  const auto [dT, dk] = grad({end, where}, threshold, rate);
  t.output("dT", dT);
  t.output("dk", dk);
}

PROGRAM(a_time_threshold) {
  // expect: flat-path 'T' in solve (backward): f64[]
  // expect: help: give the time that 'T' sets to SolveOptions::stops
  gradient_of(t, [](const Var& u, const Var& time, const Var& T, const Var& k) {
    // expect: le cuts 'T', bool[]
    return select(time <= T, k, 0.0) * u;
  });
}

PROGRAM(a_time_threshold_that_the_solver_stops_at) {
  const Var T = t.input("T", f32()), x = t.input("x", f32({3}));
  const auto loss = [&](const Var& T) {
    const auto dynamics = [&](const Var& u, const Var& time) {
      return u * select(time < T, constant(-1.0), constant(0.5));
    };
    return sum(solve(dynamics, x, 0, 5, {.stops = T}).u);
  };
  t.output("slope", grad(loss, T));
}

PROGRAM(a_time_threshold_that_scales_too) {
  // expect: flat-path 'T' in solve (backward) in part: f64[]
  // expect: help: give the time that 'T' sets to SolveOptions::stops
  gradient_of(t, [](const Var& u, const Var& time, const Var& T, const Var& k) {
    // expect: le cuts 'T', bool[]
    return select(time <= T, k * T, 0.0) * u;
  });
}

PROGRAM(a_saw_tooth) {
  // expect: flat-path 'T' in solve (backward) in part: f64[]
  // expect: help: give the time that 'T' sets to SolveOptions::stops
  gradient_of(t, [](const Var& u, const Var& time, const Var& T, const Var& k) {
    // expect: floor cuts 'T', f64[]
    return k * u + (time - floor(time / T) * T);
  });
}

PROGRAM(a_branch_in_time) {
  // expect: flat-path 'T' in solve (backward): f64[]
  // expect: help: give the time that 'T' sets to SolveOptions::stops
  gradient_of(t, [](const Var& u, const Var& time, const Var& T, const Var& k) {
    // expect: gt cuts 'T', bool[]
    // expect: lt cuts 'T', bool[]
    const Var on = time > T && time < 2 * T;
    return cond(
        on, [&] { return k * u; }, [&] { return -k * u; });
  });
}

PROGRAM(a_mask_in_time) {
  // expect: flat-path 'T' in solve (backward): f64[]
  // expect: help: give the time that 'T' sets to SolveOptions::stops
  gradient_of(t, [](const Var& u, const Var& time, const Var& T, const Var& k) {
    // expect: lt cuts 'T', bool[]
    return cast<double>(time < T) * k * u;
  });
}

PROGRAM(a_threshold_of_the_state) {
  // expect: flat-path 'T' in solve (backward): f64[]
  // expect: help: smooth the step, as sigmoid((x - y) / width) does for x > y, or pass stop_gradient(T) where it is meant to have no derivative
  gradient_of(t, [](const Var& u, const Var&, const Var& T, const Var& k) {
    // expect: gt cuts 'T', bool[]
    return select(u > T, k, 0.0) - u;
  });
}

PROGRAM(a_whole_number_on_its_way_into_the_dynamics) {
  const Var x = t.input("x", f32({3})), w = t.input("w", f32());
  const auto loss = [&](const Var& w) {
    // expect: cast to i32 cuts 'w', i32[]
    const Var turns = cast<std::int32_t>(w * 2);
    return sum(solved(x, [&](const Var& u) { return -1 * u * cast<float>(turns); }));
  };
  // expect: flat-path 'w' in solve (backward): f32[]
  // expect: help: smooth the step, as sigmoid((x - y) / width) does for x > y, or pass stop_gradient(w) where it is meant to have no derivative
  t.output("slope", grad(loss, w));
}

PROGRAM(a_choice_by_argmax) {
  const Var x = t.input("x", f32({3})), w = t.input("w", f32({3}));
  const auto loss = [&](const Var& w) {
    const Var u = solved(x, [&](const Var& u) {
      const Var chosen = call(
          // expect: argmax cuts 'w', i32[]
          "choice", [](const Var& w) { return one_hot(argmax(w, 0), 3, Dtype::F32); }, w);
      return chosen - u * w;
    });
    return sum(u);
  };
  // expect: flat-path 'w' in solve (backward) in part: f32[3]
  // expect: help: smooth the step, as sigmoid((x - y) / width) does for x > y, or pass stop_gradient(w) where it is meant to have no derivative
  t.output("slope", grad(loss, w));
}

PROGRAM(two_gradients_with_respect_to_one_threshold) {
  const Var x = t.input("x", f32({3})), T = t.input("T", f32());
  const auto loss = [&](const Var& T) {
    const auto dynamics = [&](const Var& u, const Var& time) {
      // expect: lt cuts 'T', bool[]
      return -1 * select(broadcast_to(time < T, {3}, {}), u, 0.0);
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  const auto later = [&](const Var& T) {
    const auto dynamics = [&](const Var& u, const Var& time) {
      // expect: gt cuts 'T', bool[]
      return -1 * select(broadcast_to(time > T, {3}, {}), u, 0.0) * T;
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  // expect: flat-path 'T' in solve (backward) in part: f32[]
  // expect: help: give the time that 'T' sets to SolveOptions::stops
  t.output("slope", grad(loss, T) + grad(later, T));
}

PROGRAM(a_threshold_in_the_inner_solve) {
  const Var x = t.input("x", f32({3})), T = t.input("T", f32());
  const auto loss = [&](const Var& T) {
    const Cell kept(T * 2);
    const auto inner = [&](const Var& v, const Var& time) {
      // expect: lt cuts 'T', bool[]
      return v * select(time < kept.load(), constant(1.0), constant(0.0));
    };
    const auto outer = [&](const Var& u) { return -1 * u * solve(inner, sum(u), 0, 1).u; };
    return sum(solve(outer, x, 0, 1, {.adjoint = "interpolating"}).u);
  };
  // expect: flat-path 'T' in solve/solve (backward) in part: f32[]
  // expect: help: give the time that 'T' sets to SolveOptions::stops
  t.output("slope", grad(loss, T));
}

PROGRAM(pieces_that_meet) {
  gradient_of(t, [](const Var& u, const Var& time, const Var& T, const Var& k) {
    const Var x = k * u + T;
    const Var leaky = select(x > 0, x, 0.1 * x), ramp = select(time > T, k * (time - T), 0.0);
    const Var rectified = cast<double>(x > 0) * x, size = sign(x) * x;
    const Var root = cond(
        x > 0, [&] { return sqrt(x); }, [&] { return 0 * x; });
    return leaky + ramp + rectified + size + root + max(x, T) + relu(x) + clamp(x, 0, 1);
  });
}

// Pieces that look at all that is compared, and jump.
PROGRAM(a_pulse_that_decays) {
  // expect: flat-path 'T' in solve (backward) in part: f64[]
  // expect: help: give the time that 'T' sets to SolveOptions::stops
  gradient_of(t, [](const Var&, const Var& time, const Var& T, const Var& k) {
    // expect: gt cuts 'T', bool[]
    return k * select(time > T, exp(T - time), 0.0);
  });
}

PROGRAM(jumps_of_many_forms) {
  // expect: flat-path 'T' in solve (backward) in part: f64[]
  // expect: help: give the time that 'T' sets to SolveOptions::stops
  gradient_of(t, [](const Var& u, const Var& time, const Var& T, const Var& k) {
    const Var late = time - T, wave = cos(late), other = sin(late);
    // expect: ge cuts 'T', bool[]
    const Var mask = cast<double>(late >= 0) * (1 + late);
    const Var branch = cond(
        // expect: gt cuts 'T', bool[]
        late > 0, [&] { return wave; }, [&] { return other; });
    // expect: gt cuts 'T', bool[]
    // expect: lt cuts 'T', bool[]
    const Var between = select(time > T && time < 2 * T, late * k, 0.0);
    // expect: sign cuts 'T', f64[]
    const Var side = sign(late) * exp(late);
    // expect: gt cuts 'T', bool[]
    return mask + branch + between + side + u * select(time * time > T, u, time / T);
  });
}

PROGRAM(a_jump_of_a_whole_state) {
  const Var x = t.input("x", f32({3})), T = t.input("T", f32());
  const auto loss = [&](const Var& T) {
    const auto dynamics = [&](const Var& u) {
      const Var size = sum(u * u);
      const Var falls = call(
          "falls", [](const Var& z) { return exp(-1 * z); }, size - T);
      // expect: gt cuts 'T', bool[]
      return -1 * u * select(size > T, falls, 0.0);
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  // expect: flat-path 'T' in solve (backward) in part: f32[]
  // expect: help: smooth the step, as sigmoid((x - y) / width) does for x > y, or pass stop_gradient(T) where it is meant to have no derivative
  t.output("slope", grad(loss, T));
}

PROGRAM(a_jump_by_what_is_made_outside) {
  const Var x = t.input("x", f32({3})), T = t.input("T", f32());
  const auto loss = [&](const Var& T) {
    const Var start = 2 * T, height = 1 + T * T;
    const auto dynamics = [&](const Var& u, const Var& time) {
      // expect: gt cuts 'T', bool[]
      return -1 * u * select(time > start, (time - start) + height, 0.0);
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  // expect: flat-path 'T' in solve (backward) in part: f32[]
  // expect: help: give the time that 'T' sets to SolveOptions::stops
  t.output("slope", grad(loss, T));
}

PROGRAM(pieces_that_meet_smoothly_or_steeply) {
  gradient_of(t, [](const Var& u, const Var& time, const Var& T, const Var& k) {
    const Var x = k * u - T, late = time - T;
    const Var huber = select(abs(x) < k, 0.5 * x * x, k * (abs(x) - 0.5 * k));
    const Var bump = select(late > 0, exp(-1 / late), 0.0),
              root = select(late > 0, sqrt(late), 0 * T);
    const Var expanded = select(time > T, time * time - 2 * time * T + T * T, 0 * T);
    const Var hat = select(late > -1 && late < 1, 1 - abs(late), 0 * late);
    const Var sinc = select(abs(x) > 1e-4, sin(x) / x, 1 - x * x / 6);
    const Var log_slow = select(late > 0, -1 / log(late / (1 + late)), 0 * late);
    const Var step = clamp(late / k, 0, 1), smooth = step * step * (3 - 2 * step);
    const Var spline = select(time < T, time / T, select(time < 2 * T, 2 - time / T, 0 * T));
    const Var hill = select(time < T, time / T, select(time < k, (k - time) / (k - T), 0 * time));
    return huber + bump + root + expanded + hat + sinc + log_slow + smooth + spline + hill;
  });
}

// Choices by a size that stands beside its own elements.
PROGRAM(a_whole_state_that_jumps_by_its_size) {
  const Var x = t.input("x", f32({3})), T = t.input("T", f32());
  const auto loss = [&](const Var& T) {
    const auto dynamics = [&](const Var& u) {
      const Var size = norm(u), total = sum(u), middle = mean(u), top = max_over(u, {0});
      const Var row = reshape(u, {1, 3}), square = reshape(matmul(row, transpose(row)), {});
      const auto over = [](const Var& x) { return broadcast_to(x, {3}, {}); };
      // expect: gt cuts 'T', bool[]
      const Var thrown = select(over(size > T), u * (2 * T / size), u);
      // expect: lt cuts 'T', bool[]
      const Var stopped = select(over(total < T), u, 0 * u);
      const Var turned = cond(
          // expect: ge cuts 'T', bool[]
          middle >= T, [&] { return -1 * u; }, [&] { return u; });
      // expect: sign cuts 'T', f32[]
      const Var signed_by = over(sign(top - T)) * (u - T / 2);
      // expect: gt cuts 'T', bool[]
      const Var masked = over(cast<float>(square > T)) * u;
      // expect: le cuts 'T', bool[]
      const Var two_sizes = over(select(size <= T, total, middle));
      return thrown + stopped + turned + signed_by + masked + two_sizes;
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  // expect: flat-path 'T' in solve (backward) in part: f32[]
  // expect: help: smooth the step, as sigmoid((x - y) / width) does for x > y, or pass stop_gradient(T) where it is meant to have no derivative
  t.output("slope", grad(loss, T));
}

PROGRAM(a_product_of_the_state_that_jumps_by_its_size) {
  const Var x = t.input("x", f32({3, "B"})), w = t.input("w", f32({3, 3})), T = t.input("T", f32());
  const auto loss = [&](const Var& T) {
    const auto dynamics = [&](const Var& u) {
      // expect: gt cuts 'T', bool[B]
      const Var large = broadcast_to(norm(u, {0}) > T, u.shape(), {1});
      return select(large, matmul(w, u), -1 * u);
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  // expect: flat-path 'T' in solve (backward): f32[]
  // expect: help: smooth the step, as sigmoid((x - y) / width) does for x > y, or pass stop_gradient(T) where it is meant to have no derivative
  t.output("slope", grad(loss, T));
}

PROGRAM(whole_states_that_meet_at_their_size) {
  const Var x = t.input("x", f32({3})), T = t.input("T", f32());
  const auto loss = [&](const Var& T) {
    const auto dynamics = [&](const Var& u) {
      const Var size = norm(u), total = sum(u), middle = mean(u), top = max_over(u, {0});
      const Var row = reshape(u, {1, 3}), square = reshape(matmul(row, transpose(row)), {});
      const auto over = [](const Var& x) { return broadcast_to(x, {3}, {}); };
      const Var clipped = select(over(size > T), u * (T / size), u);
      const Var leaky = select(over(total > 3 * T), u + 0.1f * (over(middle) - T), u);
      const Var branch = cond(
          middle >= T, [&] { return u * (middle / T); }, [&] { return u; });
      const Var folded = over(sign(top - T) * (top - T)) * u;
      const Var by_square = select(over(square > T * T), u * (T / size), u);
      const Var masked = over(cast<float>(top > T) * (top - T)) * u;
      const Var ramp = over(cast<float>(total > 3 * T)) * (middle - T) * u;
      return clipped + leaky + branch + folded + by_square + masked + ramp;
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  t.output("slope", grad(loss, T));
}

// A slope that is what the other piece is at the turn, made outside of the dynamics.
PROGRAM(pieces_that_meet_by_what_is_made_outside) {
  const Var x = t.input("x", f32({3})), T = t.input("T", f32()), k = t.input("k", f32());
  const auto loss = [&](const Var& T, const Var& k) {
    const Var top = k * T, scale = sum(x) * T;
    const auto dynamics = [&](const Var& u, const Var& time) {
      const Var ramp = select(time < T, k * time, top), size = norm(u);
      const Var limited = select(broadcast_to(size > T, {3}, {}), u * (T / size), u);
      return limited * ramp + select(time < T, time * scale, scale * T);
    };
    return sum(solve(dynamics, x, 0, 1).u);
  };
  const auto [dT, dk] = grad(loss, T, k);
  t.output("dT", dT);
  t.output("dk", dk);
}

PROGRAM(a_switch_of_the_state) {
  const Var start = t.input("u0", f32({3})), w = t.input("w", f32());
  const auto loss = [&](const Var& start, const Var& w) {
    const auto dynamics = [&](const Var& u, const Var& time) {
      return select(u > 0.5, -1 * u * w, 0.0) * select(time < 0.5, constant(1.0), constant(0.0));
    };
    return sum(solve(dynamics, start, 0, 1).u);
  };
  const auto [slope, by_w] = grad(loss, start, w);
  t.output("slope", slope);
  t.output("by_w", by_w);
}

PROGRAM(steps_that_no_gradient_passes) {
  const Var x = t.input("x", f32({3})), w = t.input("w", f32());
  Var right = constant(0, Dtype::I32);
  const auto loss = [&](const Var& w) {
    const Var stopped = stop_gradient(w);
    const Var u = solved(x, [&](const Var& u) { return -1 * select(u > stopped, u * w, 0.0); });
    const Var aside = solved(x, [&](const Var& u) { return -1 * select(u > w, u, 0.0); });
    right = argmax(u + stop_gradient(aside), 0);
    return sum(u) + sum(floor(aside));
  };
  t.output("slope", grad(loss, w));
  t.output("right", right);
}

PROGRAM(the_end_of_one_solve_and_the_start_of_another) {
  const Var T = t.input("T", f32()), x = t.input("x", f32({3}));
  const auto loss = [&](const Var& T) {
    const Var u = solve([](const Var& u) { return -1 * u; }, x, 0, T).u;
    return sum(solve([](const Var& u) { return 0.5 * u; }, u, T, 5).u);
  };
  t.output("slope", grad(loss, T));
}

}  // namespace
}  // namespace nodec::corpus
