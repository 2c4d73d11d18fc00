// C++ values made of variables, as control flow and derivatives take and return them: a Var (or
// Params, State), and vectors, arrays, pairs and tuples of such.
#pragma once

#include <array>
#include <concepts>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "compiler/trace/content.h"
#include "compiler/trace/var.h"

namespace nodec::tracing {

template <class T>
struct TreeOf : std::false_type {};
template <std::derived_from<Var> T>
struct TreeOf<T> : std::true_type {};
template <class T>
struct TreeOf<T&> : TreeOf<std::remove_const_t<T>> {};  // std::tie(u, v)
template <class T, class A>
struct TreeOf<std::vector<T, A>> : TreeOf<T> {};
template <class T, std::size_t N>
struct TreeOf<std::array<T, N>> : TreeOf<T> {};
template <class... T>
struct TreeOf<std::tuple<T...>> : std::conjunction<TreeOf<T>...> {};
template <class T, class U>
struct TreeOf<std::pair<T, U>> : std::conjunction<TreeOf<T>, TreeOf<U>> {};

template <class T>
concept Tree = TreeOf<std::remove_cvref_t<T>>::value;

template <class T>
concept Split = Tree<T> && requires {
  std::tuple_size<std::remove_cvref_t<T>>::value;
} && !requires(T & tree) {
  tree.begin();
};  // a tuple or a pair

// A tree's type with values in place of references.
template <class T>
struct Owned {
  using type = std::remove_cvref_t<T>;
};
template <class... T>
struct Owned<std::tuple<T...>> {
  using type = std::tuple<typename Owned<std::remove_cvref_t<T>>::type...>;
};
template <class T, class U>
struct Owned<std::pair<T, U>> {
  using type = std::pair<typename Owned<std::remove_cvref_t<T>>::type,
                         typename Owned<std::remove_cvref_t<U>>::type>;
};
template <class T>
using OwnedTree = typename Owned<std::remove_cvref_t<T>>::type;

// What a tree's variables hold in the frame being traced, in order.
using Contents = std::vector<Content>;
Content content_of(const Var& var, const SourceLine& where);
void bind(Var& var, Content content, const SourceLine& where);

template <class T, class Visit>
void each_var(const T& tree, const Visit& visit) {
  if constexpr (std::derived_from<T, Var>) {
    visit(tree);
  } else if constexpr (Split<T>) {
    std::apply([&](const auto&... part) { (each_var(part, visit), ...); }, tree);
  } else {
    for (const auto& part : tree) each_var(part, visit);
  }
}
template <Tree T>
Contents contents(const T& tree, const SourceLine& where) {
  Contents all;
  each_var(tree, [&](const Var& var) { all.push_back(content_of(var, where)); });
  return all;
}

// A tree of new variables of the frame being traced, shaped like `like` (which is not read), and
// holding what comes next in `rest`.
template <class T>
OwnedTree<T> grow(const T& like, std::span<Content>& rest, const SourceLine& where) {
  OwnedTree<T> tree;
  if constexpr (std::derived_from<T, Var>) {
    NODEC_CHECK(!rest.empty(), "too few contents for a tree");
    bind(tree, std::move(rest.front()), where);
    rest = rest.subspan(1);
  } else if constexpr (Split<T>) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((std::get<I>(tree) = grow(std::get<I>(like), rest, where)), ...);
    }
    (std::make_index_sequence<std::tuple_size_v<T>>());
  } else if constexpr (requires { tree.reserve(1); }) {
    for (const auto& part : like) tree.push_back(grow(part, rest, where));
  } else {
    for (std::size_t i = 0; i < like.size(); ++i) tree[i] = grow(like[i], rest, where);
  }
  return tree;
}
template <Tree T>
OwnedTree<T> grown(const T& like, Contents all, const SourceLine& where) {
  std::span<Content> rest(all);
  return grow(like, rest, where);
}

// Calls f with a tree; a tuple's or pair's elements are arguments of their own.
template <class F, class T>
decltype(auto) call_with(F& f, T tree) {
  if constexpr (Split<T>) {
    return std::apply([&](auto&... part) -> decltype(auto) { return f(std::move(part)...); }, tree);
  } else {
    return f(std::move(tree));
  }
}
template <class F, class T>
using ResultOf =
    std::remove_cvref_t<decltype(call_with(std::declval<F&>(), std::declval<OwnedTree<T>>()))>;

std::vector<Value*> flat(const Contents& contents);
std::vector<Type> types_of(const Contents& contents);
// The inverse of flat: takes from the front of `values`.
Contents unflat(const std::vector<Type>& types, std::span<Value* const>& values);

}  // namespace nodec::tracing
