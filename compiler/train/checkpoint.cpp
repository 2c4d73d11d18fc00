// A trainer as a file: its lasting arrays, and beside them, as JSON in the file's metadata, what
// the training is and where it stands, with a checksum: a number of it that was damaged could be
// another number. Numbers that must come back bit by bit are written in hexadecimal.
#include <algorithm>

#include "compiler/train/exact_json.h"
#include "compiler/train/trainer_state.h"
#include "ir/philox.h"
#include "runtime/hash.h"
#include "runtime/safetensors.h"

namespace nodec::nn {
namespace {

constexpr std::int64_t kCheckpointVersion = 3;
constexpr const char* kChecksum = "nodec.checkpoint.checksum";

Error damaged(const std::string& path, const std::string& how) {
  return Error(fmt::format("'{}' is a damaged checkpoint: {}", path, how), {},
               "go on from another one");
}

Json totals_json(const Totals& t) {
  Json metrics = Json::array(), notes = Json::object();
  for (const Ratio& ratio : t.metrics) metrics.push_back({exact(ratio.sum), exact(ratio.count)});
  for (const auto& [name, value] : t.notes) notes[name] = exact(value);
  Json json{{"epoch", t.epoch},
            {"batches", t.batches},
            {"samples", t.samples},
            {"loss_sum", exact(t.loss_sum)},
            {"metrics", metrics},
            {"f_evals", t.f_evals},
            {"accepted", t.accepted},
            {"rejected", t.rejected},
            {"seconds", exact(t.seconds)},
            {"step_seconds", exact(t.step_seconds)},
            {"threads_ran", exact(t.threads_ran)},
            {"notes", notes}};
  if (t.gradient_error) json["gradient_error"] = exact(*t.gradient_error);
  return json;
}

Totals totals_from(const Json& json) {
  Totals t;
  t.epoch = json.at("epoch");
  t.batches = json.at("batches");
  t.samples = json.at("samples");
  t.loss_sum = exact(json.at("loss_sum"));
  for (std::size_t i = 0; i < std::min(kMostMetrics, json.at("metrics").size()); ++i) {
    t.metrics[i] = {exact(json.at("metrics").at(i).at(0)), exact(json.at("metrics").at(i).at(1))};
  }
  t.f_evals = json.at("f_evals");
  t.accepted = json.at("accepted");
  t.rejected = json.at("rejected");
  t.seconds = exact(json.at("seconds"));
  t.step_seconds = exact(json.at("step_seconds"));
  t.threads_ran = exact(json.at("threads_ran"));
  for (const auto& [name, value] : json.at("notes").items()) t.notes[name] = exact(value);
  if (json.contains("gradient_error")) t.gradient_error = exact(json.at("gradient_error"));
  return t;
}

// What makes two trainings one.
Json identity(const Trainer::Impl& impl) {
  std::vector<std::string> metrics;
  for (const Metric& metric : impl.recipe.metrics) metrics.push_back(metric.name());
  return {{"model", impl.recipe.model.str()},
          {"loss", impl.recipe.loss.name()},
          {"metrics", fmt::format("{}", fmt::join(metrics, ", "))},
          {"optimiser", impl.recipe.optimiser.str()},
          {"schedule", impl.options.schedule.name()},
          {"dtype", std::string(name(impl.recipe.dtype))},
          {"seed", impl.options.seed},
          {"accumulate", impl.options.accumulate},
          {"frozen", fmt::format("{}", fmt::join(impl.recipe.frozen, ", "))}};
}

// What tells tables of one type apart: all bytes, or of many some pieces here and there, so that
// a file that is mapped is not read through.
std::string fingerprint(const Table& table) {
  constexpr std::size_t kPieces = 1024, kPiece = 64;
  const TensorView view = table.view();
  const std::string_view all(static_cast<const char*>(view.data), view.bytes());
  if (all.size() <= kPieces * kPiece) return hash(all).str();
  std::string some;
  for (std::size_t i = 0; i < kPieces; ++i) {
    some += all.substr(philox::fold_in(all.size(), i) % (all.size() - kPiece), kPiece);
  }
  return hash(some).str();
}

// Where a loader stands, and what of; `tables` is null where no batch was stepped yet.
Json place_json(const Place& place, const Tables* tables) {
  Json json{{"epoch", place.epoch},     {"index", place.index}, {"seed", place.seed},
            {"batches", place.batches}, {"batch", place.batch}, {"samples", place.samples},
            {"shuffle", place.shuffle}};
  if (tables == nullptr) return json;
  const TableTypes types(*tables);
  json["x"] = types.x.str();
  json["y"] = types.has_y ? types.y.str() : "";
  return json;
}

Json fingerprints(const Tables* tables) {
  Json json = Json::object();
  if (tables == nullptr) return json;
  json["x"] = fingerprint(tables->x);
  if (!tables->y.empty()) json["y"] = fingerprint(tables->y);
  return json;
}

// The tables that hold other numbers than when the file was written: a training may go on with
// these, and its bits are its own.
std::vector<std::string> changed_tables(const Json& then, const Tables& tables) {
  std::vector<std::string> changed;
  const Json today = fingerprints(&tables);
  for (const auto& [name, now] : today.items()) {
    if (then.contains(name) && then[name] != now) changed.push_back(name);
  }
  return changed;
}

std::string stated(const Json& json) {
  if (!json.is_string()) return json.dump();
  return json == "" ? "nothing" : json.get<std::string>();
}

void compare(const Json& wanted, const Json& got, const std::string& of, std::string& differences) {
  for (const auto& [name, value] : wanted.items()) {
    const auto found = got.find(name);
    if (found != got.end() && *found == value) continue;
    differences += fmt::format("\n  {}{}: wanted {}, got {}", of, name, stated(value),
                               found == got.end() ? "nothing" : stated(*found));
  }
}

// Where the optimiser is another one, that its arrays are others goes without saying.
void compare_arrays(const Trainer::Impl& impl, const SafeTensors& file, bool same_optimiser,
                    std::string& differences) {
  const std::vector<std::string> names = impl.lasting();
  const auto left_out = [&](const std::string& name) {
    return !same_optimiser && is_of_training(name);
  };
  for (const std::string& name : names) {
    if (left_out(name)) continue;
    const std::string wanted = impl.types.at(name).str();
    const Tensor* got = file.find(name);
    if (got != nullptr && got->view().type() == wanted) continue;
    differences += fmt::format("\n  '{}': wanted {}, got {}", name, wanted,
                               got == nullptr ? "nothing" : got->view().type());
  }
  for (const NamedTensor& array : file.arrays) {
    if (left_out(array.name) || std::ranges::find(names, array.name) != names.end()) continue;
    differences +=
        fmt::format("\n  '{}': wanted nothing, got {}", array.name, array.array.view().type());
  }
}

// What the file says, as it was written.
Json metadata_of(const SafeTensors& file, const std::string& path) {
  const auto found = file.metadata.find(kCheckpoint), sum = file.metadata.find(kChecksum);
  if (found == file.metadata.end()) {
    throw Error(fmt::format("'{}' is no checkpoint, but arrays alone", path), {},
                "begin with its parameters by load()");
  }
  Json json = Json::parse(found->second, nullptr, false);
  if (json.is_object() && json.contains("version") && json["version"] != kCheckpointVersion) {
    throw Error(fmt::format("'{}' is a checkpoint of version {}: wanted {}", path,
                            json["version"].dump(), kCheckpointVersion),
                {}, "go on with the nodec that wrote it");
  }
  if (sum == file.metadata.end() || sum->second != hash(found->second).str()) {
    throw damaged(path, "its metadata are not what was written");
  }
  return json;
}

// The same, once it is this training's.
Json checked(const Trainer::Impl& impl, const SafeTensors& file, const std::string& path,
             const Loader& loader) {
  const Json json = metadata_of(file, path);
  const Json &other = json.at("training"), mine = identity(impl);
  std::string differences;
  compare(mine, other, "", differences);
  if (json.at("next").value("batch", 0) != 0) {  // else no batch was stepped yet
    Json place = place_json(loader.place(), &loader.tables());
    place.erase("epoch");
    place.erase("index");
    compare(place, json["next"], "loader's ", differences);
  }
  bool same = true;
  for (const char* what : {"optimiser", "frozen", "accumulate", "dtype"}) {
    same = same && other.contains(what) && other[what] == mine[what];
  }
  compare_arrays(impl, file, same, differences);
  if (differences.empty()) return json;
  throw Error(fmt::format("'{}' is a checkpoint of another training:{}", path, differences), {},
              "name another file, or train as it was trained");
}

// Where a training stands, read whole before anything is changed by it.
struct Standing {
  std::int64_t epoch, updates, gathered, next_epoch, next_index;
  double lr;
  std::map<std::string, double> settings;
  Totals running;
  std::vector<Totals> history;
};

Standing standing(const Json& json, const std::string& path) {
  const auto count = [&](const Json& of, const char* what) -> std::int64_t {
    const Json& number = of.at(what);
    if (number.is_number_integer() && number >= 0) return number;
    throw damaged(path, fmt::format("{} {}", what, number.dump()));
  };
  Standing read{count(json, "epoch"),
                count(json, "updates"),
                count(json, "gathered"),
                count(json.at("next"), "epoch"),
                count(json.at("next"), "index"),
                exact(json.at("lr")),
                settings_from(json.at("settings")),
                totals_from(json.at("running")),
                {}};
  for (const Json& epoch : json.at("history")) read.history.push_back(totals_from(epoch));
  return read;
}

void restore(Trainer::Impl& impl, Standing&& read) {
  impl.epoch = read.epoch;
  impl.updates = read.updates;
  impl.gathered = read.gathered;
  impl.lr = read.lr;
  impl.take_settings(read.settings);
  impl.running = std::move(read.running);
  impl.history = std::move(read.history);
  impl.step_seconds.clear();
  impl.threads_ran.clear();
}

}  // namespace

void Trainer::save(const std::filesystem::path& file) const {
  const Impl& impl = *impl_;
  Json history = Json::array();
  for (const Totals& epoch : impl.history) history.push_back(totals_json(epoch));
  const Json json{{"version", kCheckpointVersion},
                  {"training", identity(impl)},
                  {"epoch", impl.epoch},
                  {"updates", impl.updates},
                  {"gathered", impl.gathered},
                  {"next", place_json(impl.next, impl.stepped.get())},
                  {"tables", fingerprints(impl.stepped.get())},
                  {"lr", exact(impl.lr)},
                  {"settings", settings_json(impl.setting_values())},
                  {"running", totals_json(impl.running)},
                  {"history", history}};
  const std::string text = json.dump();
  impl.write_arrays(file, impl.lasting(), {{kCheckpoint, text}, {kChecksum, hash(text).str()}});
}

bool Trainer::resume(const std::filesystem::path& file, Loader& loader) {
  std::error_code none;
  if (!std::filesystem::exists(std::filesystem::symlink_status(file, none))) return false;
  SafeTensors read = read_safetensors(file);
  const std::string path = file.string();
  const auto unreadable = [&](const std::string& how) { return damaged(path, how); };
  const Json json = read_metadata([&] { return checked(*impl_, read, path, loader); }, unreadable);
  Standing stands = read_metadata([&] { return standing(json, path); }, unreadable);
  if (stands.gathered >= impl_->options.accumulate) {
    throw damaged(path,
                  fmt::format("gathered {} of {}", stands.gathered, impl_->options.accumulate));
  }
  impl_->check_settings(stands.settings);
  impl_->check_lr(stands.lr);
  loader.seek(stands.next_epoch, stands.next_index);
  restore(*impl_, std::move(stands));
  impl_->next = loader.place();
  impl_->stepped = std::make_shared<const Tables>(loader.tables());
  for (NamedTensor& array : read.arrays) impl_->arrays.set(array.name, std::move(array.array));
  const Json then = json.value("tables", Json::object());
  if (const auto changed = changed_tables(then, loader.tables()); !changed.empty()) {
    impl_->advised.push_back(
        fmt::format("note: since '{}' was written the numbers of the table {} have changed; what "
                    "follows is not what would have followed then",
                    file.string(), fmt::join(changed, " and of ")));
  }
  return true;
}

}  // namespace nodec::nn
