"""Writes sidecars with Exiv2, the library with which digiKam and darktable write XMP.

digikam.jpg.xmp     regions in both schemas and people as tags, as digiKam stores them
rewritten.jpg.xmp   ours.jpg.xmp, a sidecar of this program, after Exiv2 has stored a rating in it
"""

import shutil

import pyexiv2

EMPTY = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""/></rdf:RDF>'
    "</x:xmpmeta>"
)
# Name, left, top, width and height, as a share of the image's.
FACES = [("Berta Öztürk", 0.2, 0.125, 0.1, 0.15), ("Anna", 0.6, 0.5, 0.12, 0.16)]
REGIONS = "Xmp.mwg-rs.Regions"
MICROSOFT = "Xmp.MP.RegionInfo"


def digikam():
    values = {
        "Xmp.digiKam.PickLabel": "0",
        "Xmp.tiff.Orientation": "6",
        "Xmp.digiKam.TagsList": ["People/Berta Öztürk", "People/Family/Anna", "Places/Kiel"],
        "Xmp.lr.hierarchicalSubject": ["People|Berta Öztürk", "Places|Kiel"],
        REGIONS: 'type="Struct"',
        f"{REGIONS}/mwg-rs:AppliedToDimensions": 'type="Struct"',
        f"{REGIONS}/mwg-rs:AppliedToDimensions/stDim:w": "4000",
        f"{REGIONS}/mwg-rs:AppliedToDimensions/stDim:h": "3000",
        f"{REGIONS}/mwg-rs:AppliedToDimensions/stDim:unit": "pixel",
        f"{REGIONS}/mwg-rs:RegionList": 'type="Bag"',
        MICROSOFT: 'type="Struct"',
        f"{MICROSOFT}/MPRI:Regions": 'type="Bag"',
    }
    for index, (name, left, top, width, height) in enumerate(FACES, 1):
        region = f"{REGIONS}/mwg-rs:RegionList[{index}]"
        area = {"x": left + width / 2, "y": top + height / 2, "w": width, "h": height}
        values |= {
            region: 'type="Struct"',
            f"{region}/mwg-rs:Name": name,
            f"{region}/mwg-rs:Type": "Face",
            f"{region}/mwg-rs:Area": 'type="Struct"',
            **{f"{region}/mwg-rs:Area/stArea:{key}": f"{value:g}" for key, value in area.items()},
            f"{region}/mwg-rs:Area/stArea:unit": "normalized",
        }
        region = f"{MICROSOFT}/MPRI:Regions[{index}]"
        values |= {
            region: 'type="Struct"',
            f"{region}/MPReg:Rectangle": f"{left:g}, {top:g}, {width:g}, {height:g}",
            f"{region}/MPReg:PersonDisplayName": name,
        }
    return values


def change(path, values):
    image = pyexiv2.Image(path)
    image.modify_xmp(values)
    image.close()


with open("digikam.jpg.xmp", "w", encoding="utf-8") as out:
    out.write(EMPTY)
change("digikam.jpg.xmp", digikam())
shutil.copyfile("ours.jpg.xmp", "rewritten.jpg.xmp")
change("rewritten.jpg.xmp", {"Xmp.xmp.Rating": "3"})
