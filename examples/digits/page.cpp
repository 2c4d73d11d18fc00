// Gathering what the page shows, as JSON inside of page.html.
#include "examples/digits/page.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "examples/digits/page_text.h"

namespace nodec::digits {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no number for what is not finite.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json epoch_json(const nn::Totals& e) {
  const auto batches = double(std::max<std::int64_t>(e.batches, 1));
  const auto note = [&](const char* name) {
    const auto found = e.notes.find(name);
    return found == e.notes.end() ? Json(nullptr) : number(found->second);
  };
  return {{"epoch", e.epoch},
          {"loss", number(e.loss())},
          {"train_accuracy", note("train_accuracy")},
          {"test_accuracy", note("test_accuracy")},
          {"f_evals", double(e.f_evals) / batches},
          {"accepted", double(e.accepted) / batches},
          {"rejected", double(e.rejected) / batches},
          {"gradient_error", e.gradient_error ? number(*e.gradient_error) : Json(nullptr)},
          {"step_us", 1e6 * e.step_seconds}};
}

std::string base64(const std::uint8_t* bytes, std::size_t count) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < count; i += 3) {
    std::uint32_t three = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      three = three << 8 | (i + k < count ? bytes[i + k] : std::uint8_t{0});
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k > count ? '=' : kDigits[three >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

std::vector<double> row(const Tensor& table, std::int64_t i) {
  const std::int64_t width = table.dims()[1];
  std::vector<double> values;
  for (std::int64_t k = 0; k < width; ++k) {
    const auto at = std::size_t(i * width + k);
    values.push_back(table.dtype() == Dtype::F32 ? double(table.values<float>()[at])
                                                 : table.values<double>()[at]);
  }
  return values;
}

struct Guess {
  std::int64_t image = 0;
  int label = 0, guess = 0;
  double probability = 0;  // of the guess
};

Guess guess_of(const std::vector<double>& outputs, std::int64_t image, int label) {
  const auto most = std::ranges::max_element(outputs);
  double all = 0;
  for (const double x : outputs) all += std::exp(x - *most);
  return {image, label, int(most - outputs.begin()), 1 / all};
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The direction along which centred points differ most, by the power method, orthogonal to `other`.
std::vector<double> component(const std::vector<std::vector<double>>& points,
                              const std::vector<double>& other) {
  std::vector<double> v(points.front().size(), 0);
  for (std::size_t k = 0; k < v.size(); ++k) v[k] = 1 + 0.37 * double(k % 3);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> next(v.size(), 0);
    for (const auto& point : points) {
      const double along = dot(point, v);
      for (std::size_t k = 0; k < v.size(); ++k) next[k] += along * point[k];
    }
    if (!other.empty()) {
      const double along = dot(next, other);
      for (std::size_t k = 0; k < v.size(); ++k) next[k] -= along * other[k];
    }
    const double length = std::sqrt(dot(next, next));
    if (!(length > 0)) break;
    for (std::size_t k = 0; k < v.size(); ++k) v[k] = next[k] / length;
  }
  return v;
}

}  // namespace

std::vector<std::vector<std::array<double, 2>>> principal(const std::vector<Trajectory>& paths) {
  std::vector<std::vector<double>> points;
  for (const Trajectory& path : paths) {
    points.insert(points.end(), path.states.begin(), path.states.end());
  }
  if (points.empty()) return {};
  std::vector<double> mean(points.front().size(), 0);
  for (const auto& point : points) {
    for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += point[k] / double(points.size());
  }
  for (auto& point : points) {
    for (std::size_t k = 0; k < mean.size(); ++k) point[k] -= mean[k];
  }
  const std::vector<double> first = component(points, {}), second = component(points, first);
  std::vector<std::vector<std::array<double, 2>>> flat;
  auto point = points.begin();
  for (const Trajectory& path : paths) {
    auto& line = flat.emplace_back();
    for (std::size_t i = 0; i < path.states.size(); ++i, ++point) {
      line.push_back({dot(*point, first), dot(*point, second)});
    }
  }
  return flat;
}

Page::Page(std::filesystem::path file, nn::Trainer& trainer, const nn::Layer& up_to_the_ode,
           const Dataset& dataset, std::int64_t first_test, PageWords words)
    : file_(std::move(file)),
      words_(std::move(words)),
      model_(trainer.model().str() + "\n\n"),
      inside_(up_to_the_ode, nn::MeanSquared(), nn::Sgd{},
              {.dtype = trainer.options().dtype, .input = trainer.options().input}) {
  require_writable(file_);
  for (const std::string& name : trainer.params().names()) {
    model_ += fmt::format("{}: {}\n", name, trainer.params()[name].view().type());
  }
  const nn::Trainer::Compiled compiled = trainer.compiled();
  words_.settings += fmt::format("\ndata: {}\nnodec {}, compiled for {} ({})\n", dataset.source,
                                 NODEC_VERSION, compiled.device, compiled.cpu);
  const Digits& all = dataset.digits;
  labels_.assign(all.labels.begin() + first_test, all.labels.end());
  images_ = Tensor(Dtype::U8, {std::int64_t(labels_.size()), kPixels});
  std::copy(all.pixels.begin() + first_test * kPixels, all.pixels.end(),
            images_.values<std::uint8_t>().begin());
}

// Which test images are taken for what, and the ones that are most surely taken for another.
struct Page::Told {
  std::vector<std::vector<int>> confusion{kClasses, std::vector<int>(kClasses, 0)};
  Json wrong = Json::array(), paths = Json::array();
};

void Page::look_at_outputs(nn::Trainer& trainer, Told& told) const {
  const Tensor outputs = trainer.predict(images_.clone());
  std::vector<Guess> misses;
  for (std::int64_t i = 0; i < images_.dims()[0]; ++i) {
    const Guess guess = guess_of(row(outputs, i), i, labels_[std::size_t(i)]);
    ++told.confusion[std::size_t(guess.label)][std::size_t(guess.guess)];
    if (guess.guess != guess.label) misses.push_back(guess);
  }
  constexpr std::size_t kShown = 24;
  std::ranges::sort(misses, {}, [](const Guess& g) { return std::pair(-g.probability, g.image); });
  misses.resize(std::min(kShown, misses.size()));
  for (const Guess& miss : misses) {
    const std::uint8_t* pixels = images_.values<std::uint8_t>().data() + miss.image * kPixels;
    told.wrong.push_back({{"label", miss.label},
                          {"guess", miss.guess},
                          {"probability", miss.probability},
                          {"pixels", base64(pixels, std::size_t(kPixels))}});
  }
}

// Of the first images of each digit.
Tensor Page::some_images(std::vector<Trajectory>& trajectories) const {
  constexpr int kOfEach = 2;
  std::vector<std::int64_t> shown;
  for (int label = 0; label < kClasses; ++label) {
    int found = 0;
    for (std::size_t i = 0; i < labels_.size() && found < kOfEach; ++i) {
      if (labels_[i] != label) continue;
      shown.push_back(std::int64_t(i));
      trajectories.push_back({label, {}});
      ++found;
    }
  }
  Tensor some(Dtype::U8, {std::int64_t(shown.size()), kPixels});
  for (std::size_t i = 0; i < shown.size(); ++i) {
    std::copy_n(images_.values<std::uint8_t>().data() + shown[i] * kPixels, kPixels,
                some.values<std::uint8_t>().data() + std::int64_t(i) * kPixels);
  }
  return some;
}

void Page::look_inside(nn::Trainer& trainer, Told& told) {
  std::vector<Trajectory> trajectories;
  const Tensor some = some_images(trajectories);
  for (const std::string& name : inside_.params().names()) {
    inside_.arrays().set(name, trainer.params()[name].clone());
  }
  for (const std::string& name : inside_.settings()) inside_.set(name, trainer.get(name));
  constexpr int kTimes = 20;
  const double end = trainer.get("t1"), begin = trainer.get("t0");
  for (int k = 1; k <= kTimes; ++k) {
    inside_.set("t1", begin + (end - begin) * k / kTimes);
    const Tensor states = inside_.predict(some.clone());
    for (std::size_t i = 0; i < trajectories.size(); ++i) {
      trajectories[i].states.push_back(row(states, std::int64_t(i)));
    }
  }
  const auto flat = principal(trajectories);
  for (std::size_t i = 0; i < flat.size(); ++i) {
    told.paths.push_back({{"label", trajectories[i].label}, {"points", flat[i]}});
  }
}

void Page::write(nn::Trainer& trainer) {
  Json epochs = Json::array();
  for (const nn::Totals& epoch : trainer.history()) epochs.push_back(epoch_json(epoch));
  Told told;
  look_at_outputs(trainer, told);
  look_inside(trainer, told);
  const Json data{{"epochs", epochs},
                  {"confusion", told.confusion},
                  {"wrong", told.wrong},
                  {"trajectories", told.paths},
                  {"model", model_},
                  {"findings", words_.findings},
                  {"settings", words_.settings}};
  std::string text = data.dump();
  // A "</script>" in a word would end the data.
  for (std::size_t at = 0; (at = text.find("</", at)) != std::string::npos; at += 3) {
    text.replace(at, 2, "<\\/");
  }
  std::string page = kPageText;
  page.replace(page.find("@DATA@"), 6, text);
  const std::string trouble = publish(file_, {page});
  if (trouble.empty()) return;
  throw Error(fmt::format("cannot write '{}': {}", file_.string(), trouble), {},
              "name a file in a folder that can be written and has room");
}

}  // namespace nodec::digits
