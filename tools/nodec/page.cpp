// The page's parts, compiled in, and a picture's data put between them.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tools/nodec/page_parts.h"
#include "tools/nodec/picture.h"

namespace nodec {
namespace {

using Json = nlohmann::ordered_json;

std::string data_of(const Picture& picture) {
  Json boxes = Json::array(), arrows = Json::array();
  for (const PictureBox& box : picture.boxes) {
    boxes.push_back({{"parent", box.parent},
                     {"group", box.group},
                     {"kind", box.kind},
                     {"label", box.label},
                     {"type", box.type},
                     {"tip", box.tip},
                     {"finding", box.finding},
                     {"lost", box.lost}});
  }
  for (const PictureArrow& arrow : picture.arrows) arrows.push_back({arrow.from, arrow.to});
  const Json all = {
      {"model", picture.model}, {"stage", picture.stage},       {"program", picture.program},
      {"ops", picture.ops},     {"findings", picture.findings}, {"boxes", boxes},
      {"arrows", arrows}};
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Inside a script element no text may look like a tag.
std::string without_tags(const std::string& json) {
  std::string safe;
  for (const char c : json) safe += c == '<' ? "\\u003c" : std::string(1, c);
  return safe;
}

void put(std::string& page, std::string_view place, std::string_view text) {
  const std::size_t at = page.find(place);
  if (at != std::string::npos) page.replace(at, place.size(), text);
}

}  // namespace

std::string picture_page(const Picture& picture) {
  std::string page = page_html;
  put(page, "{{css}}", page_css);
  put(page, "{{layout}}", page_layout);
  put(page, "{{view}}", page_view);
  put(page, "{{data}}", without_tags(data_of(picture)));
  return page;
}

}  // namespace nodec
