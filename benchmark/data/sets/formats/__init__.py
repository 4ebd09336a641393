"""File formats of annotations: .pts, dlib XML and .mat."""
