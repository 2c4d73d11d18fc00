// A list of values and the tangents that some of them have: [values..., tangents...]. Which ones
// have is known before the walk (tangent_type), so that both branches and all turns agree.
#include "kernels/push_control.h"

#include "kernels/build.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

using Maybe = std::optional<Type>;
using MaybeTypes = std::vector<Maybe>;

template <class Many>
MaybeTypes types_of(const ForwardDifferentiator& ad, const Many& values) {
  MaybeTypes types;
  for (const auto& value : values) types.push_back(ad.tangent_type(*value));
  return types;
}

// The tangents that there are to be, made where there is none yet.
Values filled(Builder& b, std::span<Value* const> tangents, const MaybeTypes& types) {
  Values all;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i]) all.push_back(tangents[i] != nullptr ? tangents[i] : zeros(b, *types[i]));
  }
  return all;
}

// Arguments as a list of both: those of `source` from `first` up to `last`.
struct Arguments {
  Values values, tangents;  // a null tangent: none

  void add(const ForwardDifferentiator& ad, Region& to, const Region& source, std::size_t first,
           std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      values.push_back(to.add_arg(source.arg(i)->type, source.arg(i)->name));
    }
    for (std::size_t i = first; i < last; ++i) {
      const Maybe type = ad.tangent_type(*source.arg(i));
      tangents.push_back(type ? to.add_arg(*type) : nullptr);
    }
  }
};

// What the op gives: its own results, then the tangents of those that have one.
Pushed results_of(const Op& y, const MaybeTypes& types) {
  Pushed out;
  for (std::size_t i = 0; i < types.size(); ++i) out.results.push_back(y.result(i));
  std::size_t next = types.size();
  for (const Maybe& type : types) out.tangents.push_back(type ? y.result(next++) : nullptr);
  return out;
}

// `source` with tangents, yielding those of `types`.
std::unique_ptr<Region> body_of(ForwardDifferentiator& ad, const Builder& outside,
                                const Region& source, const MaybeTypes& types) {
  auto region = std::make_unique<Region>();
  Arguments args;
  args.add(ad, *region, source, 0, source.args.size());
  Builder b(*region);
  b.at(outside.where());
  const Pushed out = ad.push(b, source, args.values, args.tangents);
  region->results = joined(out.results, filled(b, out.tangents, types));
  return region;
}

// The region's ops where they stand, with the tangents that there are to be.
Pushed push_here(ForwardDifferentiator& ad, Builder& b, const Region& region,
                 std::span<Value* const> operands, std::span<Value* const> tangents) {
  Values moved(tangents.begin(), tangents.end());
  for (std::size_t i = 0; i < moved.size(); ++i) {
    const Maybe type = ad.tangent_type(*region.arg(i));
    if (type && moved[i] == nullptr) moved[i] = zeros(b, *type);
  }
  return ad.push(b, region, {operands.begin(), operands.end()}, moved);
}

}  // namespace

Pushed push_call(ForwardDifferentiator& ad, Builder& b, const Op& op,
                 std::span<Value* const> operands, std::span<Value* const> tangents) {
  const MaybeTypes types = types_of(ad, op.results);
  const Values moved = filled(b, tangents, types_of(ad, op.region().args));
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(body_of(ad, b, op.region(), types));
  return results_of(b.op(call_p, joined(operands, moved), op.attrs, std::move(regions)), types);
}

Pushed push_cond(ForwardDifferentiator& ad, Builder& b, const Op& op,
                 std::span<Value* const> operands, std::span<Value* const> tangents) {
  if (is_shortcut(op)) {
    return push_here(ad, b, op.region(), operands.subspan(1), tangents.subspan(1));
  }
  const MaybeTypes types = types_of(ad, op.results);
  const Values moved = filled(b, tangents.subspan(1), types_of(ad, op.region().args));
  std::vector<std::unique_ptr<Region>> regions;
  for (const auto& region : op.regions) regions.push_back(body_of(ad, b, *region, types));
  return results_of(b.op(cond_p, joined(operands, moved), op.attrs, std::move(regions)), types);
}

Pushed push_while(ForwardDifferentiator& ad, Builder& b, const Op& op,
                  std::span<Value* const> operands, std::span<Value* const> tangents) {
  const Region &test = op.region(0), &body = op.region(1);
  const std::size_t carried = std::size_t(op.attrs.get<std::int64_t>("carried"));
  const MaybeTypes types = types_of(ad, body.args);
  const MaybeTypes carries(types.begin(), types.begin() + std::ptrdiff_t(carried));
  const MaybeTypes captures(types.begin() + std::ptrdiff_t(carried), types.end());

  const auto arguments = [&](Region& to) {
    Arguments args;
    args.add(ad, to, body, 0, carried);
    args.add(ad, to, body, carried, body.args.size());
    return args;
  };
  auto new_test = std::make_unique<Region>(), new_body = std::make_unique<Region>();
  Builder in_test(*new_test), in_body(*new_body);
  in_test.at(b.where()), in_body.at(b.where());
  new_test->results = in_test.inline_region(test, arguments(*new_test).values);
  const Arguments args = arguments(*new_body);
  const Pushed next = ad.push(in_body, body, args.values, args.tangents);
  new_body->results = joined(next.results, filled(in_body, next.tangents, carries));

  const Values moved = filled(b, tangents.first(carried), carries);
  const Values first = joined(operands.first(carried), moved);
  const Values rest =
      joined(operands.subspan(carried), filled(b, tangents.subspan(carried), captures));
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(std::move(new_test));
  regions.push_back(std::move(new_body));
  Attrs attrs = op.attrs;
  attrs.set("carried", std::int64_t(first.size()));
  attrs.erase("finite");  // known of this walk only
  return results_of(b.op(while_p, joined(first, rest), std::move(attrs), std::move(regions)),
                    carries);
}

}  // namespace nodec
